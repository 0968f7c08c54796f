rule figures:
    input:
        made("figures"),


rule figures_plan:
    input:
        settings=f"{SETTINGS}/report/{PLAN.plan}.json",
        made=inputs_of(f"report/{PLAN.plan}"),
    output:
        [in_report(file) for file in files_of("figures")],
    log:
        f"logs/figures/{PLAN.plan}.log",
    benchmark:
        f"logs/figures/{PLAN.plan}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    shell:
        "exec hardmine figures {input.settings} --threads {threads} > {log} 2>&1"
