rule embed:
    input:
        made("embed"),


# All seeds of a run in one process: loading torch takes longer than the work on small images.
rule embed_run:
    input:
        settings=expand(
            f"{SETTINGS}/embeddings/{PLAN.plan}/{{{{run}}}}/seed{{seed}}.json",
            seed=PLAN.seeds,
        ),
        made=inputs_of(f"embeddings/{PLAN.plan}/{{run}}/seed{{seed}}", PLAN.seeds),
    output:
        expand(
            f"embeddings/{PLAN.plan}/{{{{run}}}}/seed{{seed}}/{{file}}",
            seed=PLAN.seeds,
            file=["embeddings.safetensors", "made.json"],
        ),
    log:
        f"logs/embed/{PLAN.plan}/{{run}}.log",
    benchmark:
        f"logs/embed/{PLAN.plan}/{{run}}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: MEMORY * attempt,
        runtime=240,
        gpu=GPU,
    params:
        device=lambda wildcards, resources: "auto" if resources.gpu else "cpu",
    shell:
        "exec hardmine embed {input.settings} --threads {threads} --device {params.device} > {log} 2>&1"
