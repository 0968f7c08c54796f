RAW = PLAN.dataset.raw_folder.removeprefix("data/raw/")
WEIGHTS = [job for job in JOBS if "weights" in job.settings]


rule download:
    input:
        made("download"),


rule download_dataset:
    input:
        settings=f"{SETTINGS}/data/raw/{RAW}.json",
    output:
        list(BY_FOLDER[PLAN.dataset.raw_folder].files),
    log:
        f"logs/download/{RAW}.log",
    benchmark:
        f"logs/download/{RAW}.tsv"
    localrule: True  # compute nodes are often cut off from the network
    threads: 1
    resources:
        mem_mb=1000,
        runtime=1440,
    shell:
        "exec hardmine download {input.settings} --threads {threads} > {log} 2>&1"


for job in WEIGHTS:

    rule:
        name:
            f"download_{job.folder.rpartition('/')[2]}"
        input:
            settings=str(job.settings_file),
        output:
            list(job.files),
        log:
            str(job.benchmark_file.with_suffix(".log")),
        benchmark:
            str(job.benchmark_file)
        localrule: True
        threads: 1
        resources:
            mem_mb=1000,
            runtime=240,
        shell:
            "exec hardmine download {input.settings} --threads {threads} > {log} 2>&1"
