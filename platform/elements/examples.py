"""What /elements answers, by example; elements/schema.py has the shapes."""

from __future__ import annotations

from typing import Any

FIELD_EXAMPLE: dict[str, Any] = {
    "id": 277937902571542,
    "name": "API key",
    "key": "oauth.api.key",
    "description": "The client id of your Google project",
    "resellerConfig": False,
    "companyConfig": False,
    "active": True,
    "internal": False,
    "groupControl": False,
    "displayOrder": 1,
    "type": "TEXTFIELD_1000",
    "hideFromConsole": False,
    "required": True,
}
ELEMENT_OF_INSTANCE_EXAMPLE: dict[str, Any] = {
    "id": 6409,
    "name": "Gmail",
    "key": "gmail",
    "description": "Mail of a Gmail or Google Workspace account.",
    "image": "",
    "active": True,
    "deleted": False,
    "typeOauth": True,
    "trialAccount": False,
    "hub": "general",
    "authentication": {
        "type": "oauth2",
        "pkce": True,
        "parameters": {"access_type": "offline", "prompt": "consent"},
    },
    "protocolType": "http",
    "transformationsEnabled": False,
    "bulkDownloadEnabled": True,
    "bulkUploadEnabled": False,
    "cloneable": True,
    "extendable": True,
    "extended": False,
    "beta": False,
    "private": False,
    "parameters": [],
    "resources": [
        {
            "id": 162259727818472,
            "path": "/hubs/general/profile",
            "vendorPath": "/gmail/v1/users/me/profile",
            "method": "GET",
            "vendorMethod": "GET",
            "type": "api",
            "description": "The mailbox's address, its counts and its current history id.",
            "kind": "inherited",
            "listing": False,
            "rootKey": "",
            "idField": "emailAddress",
            "paginationType": "none",
            "parameters": [],
            "hooks": [],
        }
    ],
    "hooks": [],
    "objects": [
        {
            "name": "profile",
            "path": "/profile",
            "kind": "inherited",
            "description": "The mailbox's address, its counts and its current history id.",
            "idField": "emailAddress",
            "aliases": [],
            "listsIdsOnly": False,
            "titleFields": [],
            "fields": [],
        }
    ],
}
ELEMENT_EXAMPLE = {**ELEMENT_OF_INSTANCE_EXAMPLE, "configuration": [FIELD_EXAMPLE]}
METADATA_EXAMPLE: dict[str, Any] = {
    "id": 6409,
    "key": "gmail",
    "name": "Gmail",
    "description": "Mail of a Gmail or Google Workspace account.",
    "events": {
        "supported": True,
        "methods": ["polling"],
        "polling": {"changed-messages": {"eventTypes": ["created", "updated", "deleted"]}},
    },
}
OAUTH_URL_EXAMPLE = {
    "element": "gmail",
    "oauthUrl": (
        "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent"
        "&scope=https%3A%2F%2Fmail.google.com%2F&response_type=code"
        "&redirect_uri=https%3A%2F%2Fapp.example.com%2Foauth%2Fcallback"
        "&state=gmail&client_id=client-id"
    ),
}
DEFAULT_OAUTH_URL_EXAMPLE = {
    **OAUTH_URL_EXAMPLE,
    "configuration": {"oauth.callback.url": "https://app.example.com/oauth/callback"},
}
DEFINITION_EXAMPLE: dict[str, Any] = {
    "name": "Ledger",
    "hub": "finance",
    "authentication": {"type": "apiKey", "header": "X-Api-Key"},
    "configuration": [{"key": "base.url", "defaultValue": "https://api.example.com"}],
    "resources": [
        {
            "path": "/hubs/finance/entries",
            "vendorPath": "/v1/entries",
            "method": "GET",
            "rootKey": "items",
            "paginationType": "cursor",
            "nextPageKey": "next",
            "parameters": [
                {"name": "pageSize", "vendorName": "limit", "type": "query"},
                {"name": "nextPage", "vendorName": "cursor", "type": "query"},
            ],
        },
        {
            "path": "/hubs/finance/entries/{id}",
            "vendorPath": "/v1/entries/{id}",
            "method": "GET",
        },
    ],
}
EXPORTED_EXAMPLE: dict[str, Any] = {
    "id": 6409,
    "private": False,
    "parameters": [],
    "hooks": [],
    "name": "Gmail",
    "key": "gmail",
    "description": "Mail of a Gmail or Google Workspace account.",
    "image": "",
    "hub": "general",
    "extends": "gmail",
    "authentication": ELEMENT_OF_INSTANCE_EXAMPLE["authentication"],
    "configuration": [],
    "resources": [],
    "objects": [],
}
SWAGGER_EXAMPLE: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Gmail", "description": "Mail.", "version": "api-v2"},
    "host": "periodic.example.com",
    "basePath": "/elements/api-v2/hubs/general",
    "tags": [{"name": "profile", "description": "The mailbox's address and counts."}],
    "paths": {},
    "definitions": {},
}
