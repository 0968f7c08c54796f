rule train:
    input:
        made("train"),


rule train_run:
    input:
        settings=f"{SETTINGS}/models/{PLAN.plan}/{{run}}/seed{{seed}}.json",
        made=inputs_of(f"models/{PLAN.plan}/{{run}}/seed{{seed}}"),
    output:
        f"models/{PLAN.plan}/{{run}}/seed{{seed}}/model.safetensors",
        f"models/{PLAN.plan}/{{run}}/seed{{seed}}/history.csv",
        f"models/{PLAN.plan}/{{run}}/seed{{seed}}/diagnostics.safetensors",
        f"models/{PLAN.plan}/{{run}}/seed{{seed}}/made.json",
    log:
        f"logs/train/{PLAN.plan}/{{run}}/seed{{seed}}.log",
    benchmark:
        f"logs/train/{PLAN.plan}/{{run}}/seed{{seed}}.tsv"
    retries: 2  # one that was stopped or killed goes on from its checkpoint
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: MEMORY * attempt,
        runtime=1440,
        gpu=GPU,
    params:
        device=lambda wildcards, resources: "auto" if resources.gpu else "cpu",
    shell:
        "exec hardmine train {input.settings} --threads {threads} --device {params.device} > {log} 2>&1"
