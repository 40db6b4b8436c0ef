"""The loop of requests that take an import back."""

import pytest

from vitrine.commands.undo import Left, in_order, latest, left_lines, undo
from vitrine.errors import NotAllowed, RequestRefused, StackError, UnknownImport


class Service:
    """A service with one product, whose earlier value it would store as the present one."""

    service = "products"

    def __init__(self):
        self.written = []

    def get(self, path, **query):
        assert path == "/products:imports/x7"
        return {"items": [], "next_cursor": None}

    def post(self, path, body, **query):
        assert (path, body) == ("/products:imports/x7", None)
        return {"items": self.items(), "next_cursor": None}

    def items(self):
        request = {"method": "PATCH", "path": "/products/1", "body": {"name": " Tea"}}
        return [{"id": 1, "undo": request | {"if_match": '"a"'}, "kept": [], "done": False}]

    def write(self, *request):
        self.written.append(request)


def test_a_request_without_effect_is_sent_once():
    service = Service()
    report = undo([service], "x7", dry_run=False)
    assert len(service.written) == 1
    assert report.kept == [Left("products/1", "keeps its values.")]


class FetchingService(Service):
    """A service whose product changes some times between its answer and the request."""

    def __init__(self, changes):
        super().__init__()
        self.left = changes

    def items(self):
        return super().items() if self.left >= 0 else []

    def write(self, *request):
        super().write(*request)
        self.left -= 1
        if self.left >= 0:
            raise RequestRefused("It was changed.", 412)


@pytest.mark.parametrize(("changes", "sent", "done"), [(0, 1, 1), (3, 4, 1), (100, 6, 0)])
def test_an_item_that_is_changed_meanwhile_is_tried_a_few_times_more(changes, sent, done):
    service = FetchingService(changes)
    report = undo([service], "x7", dry_run=False)
    assert len(service.written) == sent
    assert report.done.total() == done
    assert len(report.refused) == 1 - done


def test_another_refusal_is_final():
    service = FetchingService(100)

    def write(*request):
        service.written.append(request)
        raise RequestRefused("No.", 422)

    service.write = write
    assert undo([service], "x7", dry_run=False).refused == [Left("products/1", "No.")]
    assert len(service.written) == 1


def test_equal_reasons_are_one_line_with_the_first_items():
    sold = [Left(f"products/{n}", "is 0 (ann)", "stock", f"2026-01-0{n}") for n in range(1, 6)]
    lines = left_lines([*sold, Left("products/9", "is 2 (ann)", "stock"), Left("orders/1", "No.")])
    assert lines == [
        "products/1, products/2, products/3 and 2 more stock: is 0 (ann); changed 2026-01-05",
        "products/9 stock: is 2 (ann)",
        "orders/1: No.",
    ]


class UndoingService(Service):
    """A service that undoes each page itself."""

    def __init__(self, pages):
        super().__init__()
        self.pages, self.asked = pages, []

    def post(self, path, body, **query):
        self.asked.append(query.get("cursor"))
        number = int(query.get("cursor", 0))
        after = str(number + 1) if number + 1 < self.pages else None
        request = {"method": "DELETE", "path": f"/products/{number}", "body": None}
        effect = {"id": number, "undo": request | {"if_match": '"a"'}, "kept": [], "done": True}
        return {"items": [effect] * 250, "next_cursor": after}


def test_what_the_service_has_undone_is_counted_and_not_sent_nor_asked_again():
    service = UndoingService(pages=4)
    report = undo([service], "x7", dry_run=False)
    assert report.done == {"moved to the trash": 1000}
    assert service.asked == [None, "1", "2", "3"]
    assert service.written == []


class Ordered(UndoingService):
    """A service that notes in a list which service is asked to undo."""

    def __init__(self, name, order):
        super().__init__(pages=1)
        self.service, self.order = name, order

    def get(self, path, **query):
        pass

    def post(self, path, body, **query):
        self.order.append(self.service)
        return super().post(path, body, **query)


@pytest.mark.parametrize(
    ("id", "first"),
    [("x7", "products"), ("undo-x7", "categories"), ("undo-undo-x7", "products")],
)
def test_items_are_deleted_before_those_they_refer_to_and_restored_after_them(id, first):
    order = []
    undo([Ordered("products", order), Ordered("categories", order)], id, dry_run=False)
    assert (order[0], len(order)) == (first, 2)


class Guarded(UndoingService):
    """A service that answers a caller who lacks some of its scopes.

    To undo, a caller needs both: the answer shows the history.
    """

    def __init__(self, name, missing, is_known=True):
        super().__init__(pages=1)
        self.service, self.missing, self.is_known = name, missing, is_known
        self.undos = 0

    def check(self, *verbs):
        for verb in verbs:
            if verb in self.missing:
                raise NotAllowed(f"Needs the scope {self.service}:{verb}.")
        if not self.is_known:
            raise RequestRefused("There is no such import.", 404)

    def get(self, path, **query):
        self.check("read")

    def post(self, path, body, **query):
        self.undos += 1
        self.check("write", "read")
        return super().post(path, body, **query)


@pytest.mark.parametrize("missing", [["read"], ["read", "write"]])
def test_a_service_whose_history_the_caller_may_not_read_is_left_out_at_once(missing):
    orders = Guarded("orders", missing)
    report = undo([orders, Guarded("products", [])], "x7", dry_run=False)
    assert report.done.total() == 250
    assert report.hidden == ["Needs the scope orders:read."]
    assert orders.undos == 0


def test_a_service_to_which_the_caller_may_not_write_is_left_out_and_named():
    report = undo([Guarded("orders", ["write"])], "x7", dry_run=False)
    assert (report.done.total(), report.hidden) == (0, ["Needs the scope orders:write."])


def test_an_import_that_no_service_knows_is_told():
    with pytest.raises(UnknownImport, match="no import x7"):
        undo([Guarded("products", [], is_known=False)], "x7", dry_run=False)


def test_a_caller_who_may_enter_no_service_that_could_know_it_is_told_so():
    unknown = Guarded("products", [], is_known=False)
    with pytest.raises(NotAllowed, match="orders:read"):
        undo([Guarded("orders", ["read", "write"]), unknown], "x7", dry_run=False)


class Listing:
    """A service that lists imports, the latest first."""

    def __init__(self, name, *ids):
        self.service, self.ids, self.asked = name, ids, []

    def get(self, path, per):
        self.asked.append(per)
        return {
            "items": [
                {"id": id, "started_at": id.removeprefix("undo-"), "by": "ann", "changes": {}}
                for id in self.ids[:per]
            ]
        }


@pytest.mark.parametrize(
    ("products", "categories", "found", "asked"),
    [
        (["b", "a"], ["a"], "b", [1]),
        (["undo-c", "b"], ["a"], "b", [1, 10]),
        ([f"undo-{n}" for n in range(90, 10, -1)] + ["1"], ["0"], "1", [1, 10, 100]),
    ],
)
def test_the_latest_import_is_found_with_few_questions(products, categories, found, asked):
    services = Listing("products", *products), Listing("categories", *categories)
    assert latest(services) == found
    assert services[0].asked == asked


def test_a_history_of_undos_alone_has_no_import_to_undo():
    with pytest.raises(StackError, match="no import to undo"):
        latest([Listing("products", "undo-a")])


def test_other_services_come_first_and_each_one_before_what_it_refers_to():
    names = ["categories", "products", "wishes", "orders", "clients", "baskets"]
    ordered = ["baskets", "wishes", "orders", "products", "clients", "categories"]
    assert in_order(names) == ordered
