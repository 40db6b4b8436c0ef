"""Past orders: which are returns, and how clients that are missing get their names."""

import pytest

from vitrine.errors import StackError
from vitrine.transfer.importer import ImportReport
from vitrine.transfer.past_orders import (
    JoinedFile,
    OrderRules,
    PastOrderImporter,
    order_mapping,
)
from vitrine.transfer.sources import RowSource


class Service:
    """A service that keeps the batches it receives, in memory."""

    def __init__(self):
        self.posted = []

    def get(self, path, **query):
        return {"items": []}

    def post(self, path, body, **query):
        self.posted += body
        results = [{"result": "created", "id": number} for number, _ in enumerate(body, 1)]
        return {"results": results}


@pytest.fixture
def run(tmp_path):
    """Import lines of CSV; return the orders and the clients that were posted."""

    def run(text, joins=(), **options):
        file = tmp_path / "lines.csv"
        file.write_text(text)
        orders, clients = Service(), Service()
        importer = PastOrderImporter(orders, clients, OrderRules(**options), ImportReport())
        with RowSource(str(file), None) as source:
            importer.read(source, order_mapping((), (), ()), joins)
        list(importer.send())
        return orders.posted, clients.posted

    return run


@pytest.mark.parametrize(
    ("options", "returned"),
    [({}, ["C1"]), ({"returns": "R-.*"}, ["R-1"]), ({"returns": ""}, [])],
)
def test_the_option_returns_says_which_orders_are_returns(run, options, returned):
    orders, _ = run("invoice,sku,qty\n1,a,1\nC1,a,-1\nR-1,a,-1\nXC1,a,1\n", **options)
    assert len(orders) == 4
    assert [each["external_ref"] for each in orders if each["status"] == "returned"] == returned


def test_a_regular_expression_that_is_not_valid_is_named():
    with pytest.raises(StackError, match=r"--returns \[: not a regular expression"):
        OrderRules(returns="[")


def test_missing_clients_are_created_with_a_name_of_the_option(run):
    text = "invoice,customer,sku,qty\n1,17850.0,a,1\n2,17850,a,1\n3,ANTON,a,1\n"
    orders, clients = run(text, create_clients=True)
    assert [each["name"] for each in clients] == ["Client 17850", "Client ANTON"]
    assert [each["client_id"] for each in orders] == [1, 1, 2]
    _, clients = run(text, create_clients=True, client_name="Buyer {} (old shop)")
    assert clients[1] == {"external_ref": "ANTON", "name": "Buyer ANTON (old shop)"}


def test_rows_of_an_order_are_joined_wherever_they_stand(run, tmp_path):
    other = tmp_path / "orders.csv"
    other.write_text("invoice,date\n1,2020-01-01\n2,2020-01-02\n")
    joined = JoinedFile(f"{other}=invoice")
    orders, _ = run("invoice,sku,qty\n1,a,1\n2,b,1\n1,c,2\n", [joined])
    assert [each["placed_at"] for each in orders] == ["2020-01-01", "2020-01-02"]
    assert [[line["sku"] for line in each["items"]] for each in orders] == [["a", "c"], ["b"]]
