"""A metric whose value is a formula of a setting, so that the best setting is known."""


class Formula:
    """``|setting - 0.3|``, and where the setting is above ``limit`` not finite."""

    samples = 2
    directions = {"formula": "min"}

    def __init__(self, dataset, setting, limit=1.0):
        self.setting, self.limit, self.provenance = setting, limit, {}

    def update(self, samples):
        pass

    def reset(self):
        pass

    def compute(self):
        return {"formula": abs(self.setting - 0.3) if self.setting <= self.limit else float("inf")}
