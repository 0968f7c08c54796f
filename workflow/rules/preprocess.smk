PACKED = PLAN.packed_folder("{seed}").removeprefix("data/packed/")


rule preprocess:
    input:
        made("preprocess"),


rule preprocess_dataset:
    input:
        settings=f"{SETTINGS}/data/packed/{PACKED}.json",
        made=list(BY_FOLDER[PLAN.dataset.raw_folder].files),
    output:
        f"data/packed/{PACKED}/images.npy",
        f"data/packed/{PACKED}/items.csv",
        f"data/packed/{PACKED}/made.json",
    log:
        f"logs/preprocess/{PACKED}.log",
    benchmark:
        f"logs/preprocess/{PACKED}.tsv"
    threads: 8
    resources:
        mem_mb=1000,
        runtime=120,
    shell:
        "exec hardmine preprocess {input.settings} --threads {threads} > {log} 2>&1"
