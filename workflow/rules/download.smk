RAW = PLAN.dataset.raw_folder.removeprefix("data/raw/")


rule download:
    input:
        made("download"),


rule download_dataset:
    input:
        settings=f"{SETTINGS}/data/raw/{RAW}.json",
    output:
        files_of("download"),
    log:
        f"logs/download/{RAW}.log",
    benchmark:
        f"logs/download/{RAW}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=1440,
    shell:
        "hardmine download {input.settings} --threads {threads} > {log} 2>&1"
