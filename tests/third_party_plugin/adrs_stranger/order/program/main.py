WIDTH = 400.0

ORDER = sorted(range(len(NUMBERS)), key=lambda one: NUMBERS[one] // WIDTH)  # noqa: F821
