"""The figures of a report: what they show, and how runs that failed are shown in them."""
