rule embed:
    input:
        made("embed"),


rule embed_run:
    input:
        settings=f"{SETTINGS}/embeddings/{PLAN.plan}/{{run}}/seed{{seed}}.json",
        made=inputs_of(f"embeddings/{PLAN.plan}/{{run}}/seed{{seed}}"),
    output:
        f"embeddings/{PLAN.plan}/{{run}}/seed{{seed}}/embeddings.safetensors",
        f"embeddings/{PLAN.plan}/{{run}}/seed{{seed}}/made.json",
    log:
        f"logs/embed/{PLAN.plan}/{{run}}/seed{{seed}}.log",
    benchmark:
        f"logs/embed/{PLAN.plan}/{{run}}/seed{{seed}}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=240,
        gpu=0,
    params:
        device=lambda wildcards, resources: "auto" if resources.gpu else "cpu",
    shell:
        "exec hardmine embed {input.settings} --threads {threads} --device {params.device} > {log} 2>&1"
