"""The states of an order, and which may follow which.  Plain values in and out."""

PENDING, PLACED, REJECTED = "pending", "placed", "rejected"
PAID, SHIPPED, DELIVERED = "paid", "shipped", "delivered"
CANCELLED, RETURNED = "cancelled", "returned"

STATES = (PENDING, PLACED, REJECTED, PAID, SHIPPED, DELIVERED, CANCELLED, RETURNED)
NEXT = {
    PENDING: (PLACED, REJECTED),
    PLACED: (PAID, CANCELLED),
    PAID: (SHIPPED, CANCELLED),
    SHIPPED: (DELIVERED,),
}
# What clients may ask for, and the state it leads to.
ACTIONS = {"pay": PAID, "ship": SHIPPED, "deliver": DELIVERED, "cancel": CANCELLED}
# What counts as sold; returns count, too, being negative.
SOLD = (PLACED, PAID, SHIPPED, DELIVERED, RETURNED)
# What holds stock that was not shipped.
HOLDING = (PENDING, PLACED, PAID)


def allows(state: str, target: str) -> bool:
    """Whether an order may go from one state to another."""
    return target in NEXT.get(state, ())


def actions(state: str) -> list[str]:
    """Return what clients may ask for of an order in a state."""
    return [name for name, target in ACTIONS.items() if allows(state, target)]


def why_not(state: str, target: str) -> str:
    """Say why an order cannot go to a state, and what it can do instead."""
    if state == PENDING:
        instead = "it is being placed; ask again shortly"
    elif allowed := actions(state):
        instead = f"it allows {' and '.join(allowed)}"
    else:
        instead = "that is its last state"
    return f"An order that is {state} cannot become {target}: {instead}."
