// Argo CD's notifications controller on one Application, outside a cluster.
//
// It reads the manifests as a cluster would get them, then one state of the Application from each
// line of standard input. For each it waits until the controller has nothing more to do, and writes a
// line: what was delivered, and what went wrong. The controller, its memory in an annotation, the
// triggers, the templates and the webhooks are the engine's own; only the cluster is client-go's fake.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/argoproj/notifications-engine/pkg/api"
	"github.com/argoproj/notifications-engine/pkg/controller"
	"github.com/argoproj/notifications-engine/pkg/services"
	"github.com/argoproj/notifications-engine/pkg/subscriptions"
	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"
)

const (
	step    = "test/step"
	patient = 60 * time.Second
)

var applications = schema.GroupVersionResource{
	Group: "argoproj.io", Version: "v1alpha1", Resource: "applications",
}

type delivery struct {
	Trigger   string `json:"trigger"`
	Service   string `json:"service"`
	Recipient string `json:"recipient"`
}

type outcome struct {
	Delivered []delivery `json:"delivered"`
	Errors    []string   `json:"errors"`
	// How many entries the engine remembers.
	Remembered int `json:"remembered"`
}

type factory struct{ api api.API }

func (f factory) GetAPI() (api.API, error) { return f.api, nil }

func (f factory) GetAPIsFromNamespace(namespace string) (map[string]api.API, error) {
	return map[string]api.API{namespace: f.api}, nil
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(configMapFile, secretFile string) error {
	logrus.SetOutput(os.Stderr)
	engine, err := configured(configMapFile, secretFile)
	if err != nil {
		return err
	}
	kinds := map[schema.GroupVersionResource]string{applications: "ApplicationList"}
	cluster := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds)
	resources := cluster.Resource(applications)
	// The fake cluster forgets what happens between the first list and the watch.
	watched := make(chan struct{})
	var once sync.Once
	cluster.PrependWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
		stream, err := cluster.Tracker().Watch(action.GetResource(), action.GetNamespace())
		once.Do(func() { close(watched) })
		return true, stream, err
	})
	informer := dynamicinformer.NewDynamicSharedInformerFactory(cluster, 0).ForResource(applications).Informer()
	sequences := make(chan controller.NotificationEventSequence, 1000)
	callback := controller.WithEventCallback(func(done controller.NotificationEventSequence) { sequences <- done })
	notifier := controller.NewController(resources, informer, factory{engine}, callback)
	stop := make(chan struct{})
	defer close(stop)
	go informer.Run(stop)
	<-watched
	go notifier.Run(1, stop)

	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for number := 1; ; number++ {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil
		}
		if err := put(resources, line, number); err != nil {
			return err
		}
		told, err := settled(resources, sequences, number)
		if err != nil {
			return err
		}
		written, err := json.Marshal(told)
		if err != nil {
			return err
		}
		fmt.Println(string(written))
	}
}

func configured(configMapFile, secretFile string) (api.API, error) {
	var configMap corev1.ConfigMap
	var secret corev1.Secret
	for file, object := range map[string]any{configMapFile: &configMap, secretFile: &secret} {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	// The API server does this with what was applied.
	secret.Data = map[string][]byte{}
	for name, value := range secret.StringData {
		secret.Data[name] = []byte(value)
	}
	config, err := api.ParseConfig(&configMap, &secret)
	if err != nil {
		return nil, err
	}
	// What Argo CD adds to `app` (time, strings, repo) is missing, so nothing can come to rely on it.
	return api.NewAPI(*config, func(object map[string]any, _ services.Destination) map[string]any {
		return map[string]any{"app": object}
	})
}

// put creates or replaces the Application, whose annotation with the engine's memory stays.
func put(resources dynamic.NamespaceableResourceInterface, line []byte, number int) error {
	var app unstructured.Unstructured
	if err := json.Unmarshal(line, &app.Object); err != nil {
		return err
	}
	annotations := app.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[step] = strconv.Itoa(number)
	in := resources.Namespace(app.GetNamespace())
	present, err := in.Get(context.Background(), app.GetName(), metav1.GetOptions{})
	if err == nil {
		if memory, ok := present.GetAnnotations()[subscriptions.NotifiedAnnotationKey()]; ok {
			annotations[subscriptions.NotifiedAnnotationKey()] = memory
		}
	}
	app.SetAnnotations(annotations)
	if err != nil {
		_, err = in.Create(context.Background(), &app, metav1.CreateOptions{})
	} else {
		_, err = in.Update(context.Background(), &app, metav1.UpdateOptions{})
	}
	return err
}

// settled waits until the controller has looked at this state and changed nothing more.
func settled(
	resources dynamic.NamespaceableResourceInterface,
	sequences <-chan controller.NotificationEventSequence,
	number int,
) (outcome, error) {
	told := outcome{Delivered: []delivery{}, Errors: []string{}}
	limit := time.After(patient)
	for {
		select {
		case done := <-sequences:
			seen := done.Resource
			if seen == nil || seen.GetAnnotations()[step] != strconv.Itoa(number) {
				continue
			}
			for _, one := range done.Delivered {
				if !one.AlreadyNotified {
					told.Delivered = append(told.Delivered, delivery{
						one.Trigger, one.Destination.Service, one.Destination.Recipient,
					})
				}
			}
			for _, problem := range append(done.Errors, done.Warnings...) {
				told.Errors = append(told.Errors, problem.Error())
			}
			present, err := resources.Namespace(seen.GetNamespace()).
				Get(context.Background(), seen.GetName(), metav1.GetOptions{})
			if err != nil {
				return told, err
			}
			key := subscriptions.NotifiedAnnotationKey()
			if seen.GetAnnotations()[key] == present.GetAnnotations()[key] {
				told.Remembered = len(controller.NewStateFromRes(present))
				return told, nil
			}
		case <-limit:
			return told, fmt.Errorf("the controller did not settle on state %d", number)
		}
	}
}
