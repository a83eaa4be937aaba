"use strict";
// Nothing here is needed to use the page: it copies commands and keeps the conversation up to
// date while messages come that this page did not cause.
(function () {
  function copyable(root) {
    root.querySelectorAll("button[data-copy]").forEach(function (button) {
      button.hidden = !navigator.clipboard;
    });
  }
  document.addEventListener("click", function (event) {
    var button = event.target.closest("button[data-copy]");
    if (button) {
      var text = document.getElementById(button.dataset.copy).textContent;
      navigator.clipboard.writeText(text).then(function () {
        var label = button.textContent;
        button.textContent = "Copied";
        setTimeout(function () { button.textContent = label; }, 1500);
      }, function () {});
      return;
    }
    // An arrow of the diagram opens its step.
    var link = event.target.closest("a[href^='#step-']");
    if (link) {
      var step = document.querySelector(link.getAttribute("href"));
      if (step) { step.open = true; }
    }
  });
  copyable(document);

  function version() { return document.getElementById("conversation").dataset.version; }
  function show(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html");
    var at = document.activeElement.closest("[id]"); // who works with the keyboard stays where they are
    ["conversation", "messages", "account"].forEach(function (id) {
      var old = document.getElementById(id), next = fresh.getElementById(id);
      if (!old || !next || old.innerHTML === next.innerHTML && id !== "conversation") { return; }
      if (id === "account" && old.dataset.user === next.dataset.user) { return; } // a form may be half filled in
      next.querySelectorAll("details[id]").forEach(function (one) {
        var before = document.getElementById(one.id);
        if (before) { one.open = before.open; }
      });
      old.replaceWith(document.adoptNode(next));
    });
    if (at && !at.isConnected) {
      var there = document.getElementById(at.id);
      if (there) { (there.querySelector(":scope > summary") || there).focus({ preventScroll: true }); }
    }
    copyable(document);
  }
  setInterval(function () {
    if (document.hidden) { return; }
    fetch("/live?version=" + version(), { cache: "no-store" }).then(function (answer) {
      return answer.status === 200 ? answer.text().then(show) : undefined;
    }).catch(function () {});
  }, 2000);
})();
