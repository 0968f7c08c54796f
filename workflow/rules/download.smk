rule download:
    input:
        made("download"),


# One rule for the data set, one for each file of published weights.
for job in [job for job in JOBS if job.verb == "download"]:

    rule:
        name:
            f"download_{Path(job.folder).name if 'weights' in job.settings else 'dataset'}"
        input:
            settings=str(job.settings_file),
        output:
            list(job.files),
        log:
            str(job.benchmark_file.with_suffix(".log")),
        benchmark:
            str(job.benchmark_file)
        localrule: True  # compute nodes are often cut off from the network
        threads: 1
        resources:
            mem_mb=1000,
            runtime=1440,
        shell:
            "exec hardmine download {input.settings} --threads {threads} > {log} 2>&1"
