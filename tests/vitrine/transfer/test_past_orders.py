"""Past orders: which are returns, and how clients that are missing get their names."""

import json

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

REFUSED = {"result": "failed", "errors": [{"pointer": "/phone", "message": "Is too long."}]}


# The columns of a line of an order, and the cells of one; a line of an order in JSON.
LINE, A = "sku,qty,price,date", "a,1,5,2025-01-02"
PIECE = {"sku": "a", "quantity": 1, "unit_price": 5}


class Service:
    """A service that keeps the batches it receives, in memory."""

    def __init__(self, emails=(), refused=()):
        self.posted = []
        self.emails = emails
        self.refused = refused

    def get(self, path, **query):
        return {"items": [{"id": 77}] if query.get("email") in self.emails else []}

    def post(self, path, body, **query):
        self.posted += body
        made = {"result": "created"}
        return {
            "results": [
                REFUSED if item.get("email") in self.refused else made | {"id": number}
                for number, item in enumerate(body, 1)
            ]
        }


@pytest.fixture
def run(tmp_path):
    """Import lines of CSV; return the orders and the clients that were posted."""

    def run(text, joins=(), emails=(), refused=(), report=None, **options):
        file = tmp_path / ("lines.jsonl" if text.startswith("{") else "lines.csv")
        file.write_text(text)
        orders, clients = Service(), Service(emails, refused)
        report = report or ImportReport()
        importer = PastOrderImporter(orders, clients, OrderRules(**options), report)
        mapping = order_mapping((), (), ())
        with RowSource(str(file), None) as source:
            importer.survey(source, mapping, joins)
            mapping.decide()
            importer.read(source, mapping, joins)
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


@pytest.mark.parametrize(
    "text",
    [
        "invoice,date,qty,client\n1,2026-01-05,1,new@example.org\n",
        "invoice,qty,price,client\n1,1,5,new@example.org\n",
        "invoice,date,qty,price,status,client\n"
        "1,2026-01-05,1,5,paid,new@example.org\n1,2026-01-05,1,5,placed,new@example.org\n",
    ],
)
def test_no_client_is_created_for_orders_that_will_be_refused(run, text):
    _, clients = run(text, create_clients=True)
    assert clients == []


def test_the_source_goes_before_the_numbers_and_returns_are_known_by_theirs(run):
    orders, _ = run("invoice,sku,qty\n1,a,1\nC1,a,-1\n", source=" North shop ")
    assert [(each["external_ref"], each["status"]) for each in orders] == [
        ("North shop:1", "delivered"),
        ("North shop:C1", "returned"),
    ]


def test_a_client_without_an_email_is_one_of_its_shop(run):
    text = f"invoice,customer,{LINE}\n1,7.0,{A}\n2,ada@example.org,{A}\n"
    _, clients = run(text, source="north", create_clients=True)
    assert [client.get("external_ref") for client in clients] == [None, "north:7"]
    assert clients[0]["email"] == "ada@example.org"


def test_a_long_source_is_refused():
    with pytest.raises(StackError, match=r"--source x{51}: write at most 50 characters"):
        OrderRules(source="x" * 51)


def test_a_regular_expression_that_is_not_valid_is_named():
    with pytest.raises(StackError, match=r"--returns \[: not a regular expression"):
        OrderRules(returns="[")


def test_missing_clients_are_created_with_a_name_of_the_option(run):
    text = f"invoice,customer,{LINE}\n1,17850.0,{A}\n2,17850,{A}\n3,ANTON,{A}\n"
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


def test_a_client_is_found_by_email(run):
    text = f"Order,Customer Email,{LINE}\n1,Ann@X.org ,{A}\n2,bob@x.org,{A}\n"
    orders, clients = run(text, emails=("ann@x.org",), create_clients=True)
    assert clients == [{"email": "bob@x.org", "name": "Client bob@x.org"}]
    assert [each["client_id"] for each in orders] == [77, 1]


@pytest.mark.parametrize(
    ("client", "created"),
    [
        ({"id": 7}, {"external_ref": "7", "name": "Client 7"}),
        ({"id": 7, "email": "a@x.org"}, {"email": "a@x.org", "name": "Client a@x.org"}),
        (7, {"external_ref": "7", "name": "Client 7"}),
    ],
)
def test_the_client_of_an_order_of_another_shop_is_never_an_id_of_this_shop(run, client, created):
    row = {"external_ref": "1", "placed_at": "2025-01-02", "client": client, "items": [PIECE]}
    orders, clients = run(json.dumps(row), create_clients=True)
    assert clients == [created]
    assert [each["client_id"] for each in orders] == [1]


def test_a_client_has_the_name_and_the_addresses_of_its_latest_order(run):
    ann = {"email": "Ann@x.org", "name": "Ann", "phone": "1", "addresses": [{"kind": "billing"}]}
    rows = [
        {"external_ref": str(number), "placed_at": day, "client": client, "items": [PIECE]}
        for number, (day, client) in enumerate(
            [
                ("2025-01-02", ann),
                ("2025-01-01", {"email": "ann@x.org", "name": "Anna"}),
                ("2025-01-03", "ann@x.org"),
            ]
        )
    ]
    orders, clients = run("\n".join(map(json.dumps, rows)), create_clients=True)
    assert clients == [ann | {"email": "ann@x.org"}]
    assert [each["client_id"] for each in orders] == [1, 1, 1]


@pytest.mark.parametrize("dry_run", [True, False])
def test_orders_of_a_client_that_is_refused_fail_and_say_so(run, dry_run):
    text = f"order_id,email,{LINE}\n1,ann@x.org,{A}\n2,bob@x.org,{A}\n"
    report = ImportReport()
    options = {"create_clients": True, "dry_run": dry_run, "refused": ("ann@x.org",)}
    orders, _ = run(text, report=report, **options)
    assert [each["external_ref"] for each in orders] == ["2"]
    assert report.errors == [
        "Client ann@x.org: phone: Is too long.",
        "row 2, client: There is no client 'ann@x.org'; it was refused.",
    ]


def test_a_whole_order_that_is_there_twice_is_refused(run):
    row = json.dumps({"external_ref": "1", "items": [{"sku": "a", "quantity": 1}]})
    report = ImportReport()
    orders, _ = run(f"{row}\n{row}\n", report=report)
    assert [len(order["items"]) for order in orders] == [1]
    assert report.errors == ["row 2: Order 1 is in row 1 too; leave one out."]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"items": "two"}, "items are not a list"),
        ({"items": 2}, "items are not a list"),
        ({"items": [2]}, "items are not a list"),
        ({"external_ref": ["1"]}, "order number ['1'] is not a text"),
        ({"client": ["x"]}, "client is neither a text"),
        ({"client": {"city": "Ulm"}}, "client is neither a text"),
    ],
)
def test_a_row_of_another_form_fails_alone(run, wrong, reason):
    rows = [{"external_ref": "1", "sku": "a", "quantity": 1} | wrong]
    rows.append({"external_ref": "2", "sku": "a", "quantity": 1})
    report = ImportReport()
    orders, _ = run("\n".join(map(json.dumps, rows)), report=report)
    assert [each["external_ref"] for each in orders] == ["2"]
    assert reason in report.errors[0]
    assert report.counts["failed"] == 1


def test_a_price_brings_the_currency_of_its_order(run):
    orders, _ = run("invoice,sku,qty,unit price\n1,a,1,$5.00\n")
    assert orders[0]["currency"] == "USD"
    assert orders[0]["items"][0]["unit_price"] == "5.00"


def test_an_order_in_two_currencies_fails_alone(run):
    report = ImportReport()
    text = "invoice,sku,qty,unit price\n1,a,1,$5.00\n1,b,1,€5.00\n2,a,1,€3\n2,b,1,€4\n"
    orders, _ = run(text, report=report)
    assert [(each["external_ref"], each["currency"]) for each in orders] == [("2", "EUR")]
    assert "The rows of order 1 have 'USD' in row 2 and 'EUR' in row 3." in report.errors[0]
    assert report.counts["failed"] == 1


@pytest.mark.parametrize(
    ("column", "first", "second"),
    [
        ("email", "ann@x.org", "bob@x.org"),
        ("customer id", "7", "8"),
        ("order date", "2025-01-02 10:00", "2025-01-03 10:00"),
        ("date", "1/2/2025 8:26", "1/3/2025 8:26"),
        ("status", "delivered", "cancelled"),
        ("currency", "EUR", "USD"),
        ("included tax", "1.00", "2.00"),
        ("client_id", "1", "2"),
    ],
)
def test_rows_of_one_number_that_contradict_each_other_fail(run, column, first, second):
    report = ImportReport()
    text = f"order,sku,qty,{column}\n1,a,1,{first}\n2,a,1,{first}\n1,b,1,\n1,c,1,{second}\n"
    orders, _ = run(text, report=report, create_clients=True)
    assert [each["external_ref"] for each in orders] == ["2"]
    (error,) = report.errors
    assert error.startswith(f"row 5, {column}: The rows of order 1 have {first!r} in row 2 and")
    assert f"{second!r} in row 5. Correct one of the two" in error
    assert report.counts["failed"] == 1


def test_rows_of_one_number_may_leave_cells_blank_or_repeat_them(run):
    text = (
        "order,email,date,status,note,sku,qty\n"
        "1,Ann@x.org,2025-01-02 10:00,delivered,Blue,a,1\n"
        "1,,,,,b,1\n"
        "1,ann@x.org,2025-01-02 10:01,Delivered,Ring twice,c,1\n"
        "1,ann@x.org,2025-01-02T10:01:00Z,delivered,Blue,d,1\n"
    )
    (order,), _ = run(text, emails=("ann@x.org",))
    assert [line["sku"] for line in order["items"]] == ["a", "b", "c", "d"]
    assert (order["placed_at"], order["note"]) == ("2025-01-02 10:00", "Blue\nRing twice")


def test_orders_without_a_currency_get_that_of_the_rules(run):
    text = "invoice,date,quantity,price,sku,currency\nA,2025-01-01,1,5,T,\nB,2025-01-01,1,5,T,USD\n"
    orders, _ = run(text, currency="EUR")
    assert [order["currency"] for order in orders] == ["EUR", "USD"]
