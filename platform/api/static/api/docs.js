// Starts Swagger UI. In a file of its own: the Content-Security-Policy runs nothing inline.
"use strict";

const page = document.getElementById("swagger-ui");

window.ui = SwaggerUIBundle({
  domNode: page,
  url: page.dataset.document,
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  persistAuthorization: false, // secrets stay in this tab, and go with it
  validatorUrl: null, // nothing is sent to other sites
});
