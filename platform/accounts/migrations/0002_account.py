import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Accounts of an organization, and each user in one."""

    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="accounts",
                        to="accounts.organization",
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("description", models.CharField(blank=True, max_length=1000)),
                ("external_id", models.CharField(blank=True, max_length=200)),
                ("active", models.BooleanField(default=True)),
                ("is_default", models.BooleanField(default=False)),
                (
                    "failure_policy",
                    models.CharField(
                        choices=[("retry", "retry"), ("queue", "queue")],
                        default="retry",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("organization",),
                        name="one_default_account",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("active", True)),
                        fields=("organization", "external_id"),
                        name="one_active_account_an_external_id",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_default", False), ("active", True), _connector="OR"
                        ),
                        name="default_account_is_active",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="user",
            name="account",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="users",
                to="accounts.account",
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="removed_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
