package prometheus_test

import (
	"context"
	"fmt"
	"log"

	prom "github.com/prometheus/client_golang/prometheus"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/observe/prometheus"

	_ "github.com/rosterdns/roster/registrar/memory"
)

// A program with two clients, whose metrics a label tells apart.
func Example() {
	registry := prom.NewRegistry() // most programs have prom.DefaultRegisterer
	for _, name := range []string{"shop", "billing"} {
		observer, err := prometheus.New(prom.WrapRegistererWith(prom.Labels{"client": name}, registry), prometheus.WithNames("orders"))
		if err != nil {
			log.Fatal(err)
		}
		defer observer.Close() // after the client
		client, err := registrar.Open(context.Background(), "memory", registrar.WithObserver(observer))
		if err != nil {
			log.Fatal(err)
		}
		defer client.Close()
		_, _ = client.GetService(context.Background(), "orders")
	}
	show(registry)
	// Output:
	// roster_client_lookups_total client=billing name=orders result=not_found
	// roster_client_lookups_total client=shop name=orders result=not_found
}

// show prints the counters that aren't 0.
func show(registry prom.Gatherer) {
	families, err := registry.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.Metric {
			if metric.GetCounter().GetValue() == 0 {
				continue
			}
			fmt.Print(family.GetName())
			for _, label := range metric.Label {
				fmt.Printf(" %s=%s", label.GetName(), label.GetValue())
			}
			fmt.Println()
		}
	}
}
