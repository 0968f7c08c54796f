rule tune:
    input:
        made("tune"),


rule tune_trial:
    input:
        settings=f"{SETTINGS}/tuning/{PLAN.plan}/{{run}}/trial{{trial}}.json",
        made=inputs_of(f"tuning/{PLAN.plan}/{{run}}/trial{{trial}}"),
    output:
        f"tuning/{PLAN.plan}/{{run}}/trial{{trial}}/scores.json",
        f"tuning/{PLAN.plan}/{{run}}/trial{{trial}}/made.json",
    log:
        f"logs/tune/{PLAN.plan}/{{run}}/trial{{trial}}.log",
    benchmark:
        f"logs/tune/{PLAN.plan}/{{run}}/trial{{trial}}.tsv"
    retries: 2  # one that was stopped or killed goes on from its checkpoint
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: MEMORY * attempt,
        runtime=1440,
        gpu=GPU,
    params:
        device=lambda wildcards, resources: "auto" if resources.gpu else "cpu",
    shell:
        "exec hardmine tune {input.settings} --threads {threads} --device {params.device} > {log} 2>&1"


# The choice among a run's trials, which its training reads, and their table, which the report reads.
for name, file in (("choice", "chosen.json"), ("table", "trials.csv")):

    rule:
        name:
            f"tune_{name}"
        input:
            settings=f"{SETTINGS}/tuning/{PLAN.plan}/{{run}}/{name}.json",
            made=inputs_of(f"tuning/{PLAN.plan}/{{run}}/{name}"),
        output:
            f"tuning/{PLAN.plan}/{{run}}/{name}/{file}",
            f"tuning/{PLAN.plan}/{{run}}/{name}/made.json",
        log:
            f"logs/tune/{PLAN.plan}/{{run}}/{name}.log",
        benchmark:
            f"logs/tune/{PLAN.plan}/{{run}}/{name}.tsv"
        localrule: True  # a fraction of a second
        threads: 1
        resources:
            mem_mb=500,
            runtime=10,
        shell:
            "exec hardmine tune {input.settings} --threads {threads} > {log} 2>&1"
