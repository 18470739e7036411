def answer(number):
    if number > 3:
        return 0.5 * number + 1.0
    return 2.0 - 0.25 * number
