// Flux's events, as its provider `githubdispatch` sends them.
//
// Each line of standard input is an event as a controller of Flux emits it; a line of standard output
// is the body of the request to GitHub. The type, its JSON and the names of metadata are Flux's own.
// How metadata is combined and the body made is notification-controller's (internal/server,
// internal/notifier), done again here: Go does not let others import it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	event "github.com/fluxcd/pkg/apis/event/v1beta1"
)

type sent struct {
	EventType     string      `json:"event_type"`
	ClientPayload event.Event `json:"client_payload"`
}

type emitted struct {
	Event event.Event `json:"event"`
	// Of the Alert: spec.eventMetadata.
	EventMetadata map[string]string `json:"eventMetadata"`
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var one emitted
		decoder := json.NewDecoder(strings.NewReader(string(line)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&one); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		written, err := json.Marshal(dispatched(one))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(string(written))
	}
}

// dispatched is null for what the provider keeps to itself.
func dispatched(one emitted) *sent {
	about := one.Event.InvolvedObject
	metadata := map[string]string{}
	for key, value := range one.Event.Metadata {
		if name, ok := strings.CutPrefix(key, event.Group+"/"); ok {
			metadata[name] = value
		}
	}
	for key, value := range one.EventMetadata {
		metadata[key] = value
	}
	for key, value := range one.Event.Metadata {
		if name, ok := strings.CutPrefix(key, about.GroupVersionKind().Group+"/"); ok {
			metadata[name] = value
		}
	}
	one.Event.Metadata = metadata
	if one.Event.HasMetadata(event.MetaCommitStatusKey, event.MetaCommitStatusUpdateValue) {
		return nil
	}
	return &sent{fmt.Sprintf("%s/%s.%s", about.Kind, about.Name, about.Namespace), one.Event}
}
