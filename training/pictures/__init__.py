"""The pictures of trainings and runs. Each function draws a matplotlib Figure; none a display."""
