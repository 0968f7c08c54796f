rule evaluate:
    input:
        made("evaluate"),


rule evaluate_run:
    input:
        settings=f"{SETTINGS}/metrics/{PLAN.plan}/{{run}}/seed{{seed}}.json",
        made=inputs_of(f"metrics/{PLAN.plan}/{{run}}/seed{{seed}}"),
    output:
        f"metrics/{PLAN.plan}/{{run}}/seed{{seed}}/metrics.json",
        f"metrics/{PLAN.plan}/{{run}}/seed{{seed}}/neighbours.safetensors",
        f"metrics/{PLAN.plan}/{{run}}/seed{{seed}}/made.json",
    log:
        f"logs/evaluate/{PLAN.plan}/{{run}}/seed{{seed}}.log",
    benchmark:
        f"logs/evaluate/{PLAN.plan}/{{run}}/seed{{seed}}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
    shell:
        "exec hardmine evaluate {input.settings} --threads {threads} > {log} 2>&1"
