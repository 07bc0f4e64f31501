from django.urls import re_path

from accounts.api import accounts, organizations, users

ACCOUNT = r"^accounts/(?P<account_id>[0-9]+)"
USER = r"(?P<user>[^/]+)"
ROLE = r"(?P<role_key>[^/]+)"

urlpatterns = [
    re_path(r"^accounts/?$", accounts.AccountsView.as_view()),
    re_path(r"^accounts/settings/?$", accounts.OwnSettingsView.as_view()),
    re_path(rf"{ACCOUNT}/?$", accounts.AccountView.as_view()),
    re_path(rf"{ACCOUNT}/settings/?$", accounts.SettingsView.as_view()),
    re_path(rf"{ACCOUNT}/users/?$", accounts.AccountUsersView.as_view()),
    re_path(rf"{ACCOUNT}/users/{USER}/?$", accounts.AccountUserView.as_view()),
    re_path(r"^users/?$", users.UsersView.as_view()),
    re_path(rf"^users/{USER}/?$", users.UserView.as_view()),
    re_path(rf"^users/{USER}/secret/?$", users.UserSecretView.as_view()),
    re_path(rf"^users/{USER}/roles/?$", users.RolesView.as_view()),
    re_path(rf"^users/{USER}/roles/{ROLE}/?$", users.RoleView.as_view()),
    re_path(r"^organizations/me/?$", organizations.OrganizationView.as_view()),
    re_path(r"^organizations/me/secret/?$", organizations.OrganizationSecretView.as_view()),
    re_path(r"^organizations/users/?$", organizations.OrganizationUsersView.as_view()),
    re_path(rf"^organizations/users/{USER}/?$", organizations.OrganizationUserView.as_view()),
]
