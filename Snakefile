# Chooses the plan, checks it, settles it, includes the rules, names the targets; nothing else.
# Targets: all, and one for each verb: download, preprocess, tune, train, embed, evaluate, figures.
from snakemake.utils import min_version

min_version("9.0")


if not workflow.configfiles:

    configfile: "params.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/download.smk"
include: "workflow/rules/preprocess.smk"
include: "workflow/rules/tune.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/embed.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/figures.smk"


rule all:
    default_target: True
    input:
        made("figures"),
