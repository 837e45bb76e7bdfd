"""A tool of one's own: the price list of a shop. It runs in the episode's sandbox, as all that the model calls."""


def price(item: str) -> int:
    """The price of one piece of an item.

    Args:
        item: its name, for example "amber"
    """
    return len(item) * 7 % 10 + 1
