"""A tuned comparison of one method by a metric that is a formula of its setting; nine runs of two iterations."""

from tiny import tiny

STAGES = (
    "hydra/sweeper=tuned",
    "hydra.sweeper.metric=formula",
    "hydra.sweeper.floor=2",
    "hydra.sweeper.trials=4",
    "hydra.sweeper.stages.search.seed='0'",
    "hydra.sweeper.stages.selection.best=2",
    "hydra.sweeper.stages.selection.seed='100'",
    "hydra.sweeper.stages.final.seed='1000,1001'",
    "hydra.sweeper.stages.published.seed='1000'",
)
RUN = (
    *tiny("iterations=2", "evaluate_every=1", "log_every=1", "name=tuned", "method=lsgan_alpha"),
    "loss.alpha.end=interval(0,0.9)",
)
FORMULA = "+metrics.formula={_target_:formula.Formula,_partial_:true,setting:'${loss.alpha.end}',limit:LIMIT}"
JOBS = {"search": 4, "selection": 2, "final": 2, "published": 1}


def command(*arguments, limit=0.7):
    theirs = {text.lstrip("~").partition("=")[0] for text in arguments}
    kept = [text for text in (*RUN, *STAGES) if text.partition("=")[0] not in theirs]
    return [*kept, FORMULA.replace("LIMIT", str(limit)), *arguments]
