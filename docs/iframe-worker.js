// A browser starts no worker for a page that was opened from a folder. There, this stands in for one: a hidden frame, in
// which the worker's script runs. So the search works without a server, too.
"use strict";

if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.inside = frame.contentWindow;
      const text = this.inside.document;
      text.open();
      text.write("<!doctype html>");
      text.close();
      this.inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.isReady = new Promise((go) => {
        const script = text.createElement("script");
        script.src = address;
        script.onload = go;
        text.head.append(script);
      });
    }

    postMessage(data) {
      this.isReady.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }
  };
  window.Worker = window.IFrameWorker;
}
