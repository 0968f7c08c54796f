rule download:
    input:
        made("download"),


rule download_dataset:
    input:
        settings=f"{SETTINGS}/data/raw/{PLAN.dataset.name}.json",
    output:
        files_of("download"),
    log:
        f"logs/download/{PLAN.dataset.name}.log",
    benchmark:
        f"logs/download/{PLAN.dataset.name}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=120,
    shell:
        "hardmine download {input.settings} --threads {threads} > {log} 2>&1"
