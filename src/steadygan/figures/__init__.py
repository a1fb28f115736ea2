"""Figures described once: ``spec`` says what is shown, ``png`` and ``page`` draw it with matplotlib and plotly."""
