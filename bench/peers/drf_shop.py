"""The shop on Django REST framework, whole answers kept in Redis by django-redis."""

from django.db import models
from django.urls import path
from django.views.decorators.cache import cache_page
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import filters, pagination, serializers, viewsets

TTL_SECONDS = 60


class Product(models.Model):
    """A product, in a table that the bench has made."""

    slug = models.CharField(max_length=250)
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    stock = models.IntegerField()
    description = models.TextField()
    category = models.CharField(max_length=100, blank=True)
    brand = models.CharField(max_length=200)
    status = models.CharField(max_length=20)
    price = models.FloatField()
    attributes = models.JSONField()

    class Meta:
        """Where it is."""

        app_label = "shop"
        db_table = "products"


class ProductSerializer(serializers.ModelSerializer):
    """A product in JSON."""

    class Meta:
        """All of it."""

        model = Product
        fields = "__all__"


class Pages(pagination.PageNumberPagination):
    """Twenty products to a page."""

    page_size = 20


class ProductViewSet(viewsets.ModelViewSet):
    """Products."""

    queryset = Product.objects.order_by("id")
    serializer_class = ProductSerializer
    pagination_class = Pages
    filter_backends = [DjangoFilterBackend, filters.SearchFilter, filters.OrderingFilter]
    filterset_fields = {"category": ["exact"], "price": ["gte"]}
    search_fields = ["name"]
    ordering_fields = ["price", "name"]


# A hit is answered before any of the framework runs; a write is seen when the minute is over.
kept = cache_page(TTL_SECONDS)
urlpatterns = [
    path("products", kept(ProductViewSet.as_view({"get": "list", "post": "create"}))),
    path(
        "products/<int:pk>",
        kept(ProductViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    ),
]
