rule evaluate:
    input:
        made("evaluate"),


# All seeds of a run in one process: loading the libraries takes longer than the work on small images.
rule evaluate_run:
    input:
        settings=expand(
            f"{SETTINGS}/metrics/{PLAN.plan}/{{{{run}}}}/seed{{seed}}.json",
            seed=PLAN.seeds,
        ),
        made=inputs_of(f"metrics/{PLAN.plan}/{{run}}/seed{{seed}}", PLAN.seeds),
    output:
        expand(
            f"metrics/{PLAN.plan}/{{{{run}}}}/seed{{seed}}/{{file}}",
            seed=PLAN.seeds,
            file=["metrics.json", "neighbours.safetensors", "made.json"],
        ),
    log:
        f"logs/evaluate/{PLAN.plan}/{{run}}.log",
    benchmark:
        f"logs/evaluate/{PLAN.plan}/{{run}}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
        gpu=0,
    params:
        device=lambda wildcards, resources: "auto" if resources.gpu else "cpu",
    shell:
        "exec hardmine evaluate {input.settings} --threads {threads} --device {params.device} > {log} 2>&1"
