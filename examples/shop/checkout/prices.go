package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// prices is a client of the service prices, which it finds by DNS.
type prices struct {
	resolver *net.Resolver
	client   http.Client
}

func newPrices(resolver *net.Resolver) *prices {
	dialer := net.Dialer{Resolver: resolver}
	return &prices{resolver, http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}}
}

// of asks for the price of an item. It looks the service up for each request, and asks
// the instances in the order of LookupSRV, by priority and weight, until one answers.
func (p *prices) of(ctx context.Context, item string) (string, error) {
	_, instances, err := p.resolver.LookupSRV(ctx, "http", "tcp", "prices.default.svc.internal.")
	if err != nil {
		return "", err
	}
	var errs []error
	for _, instance := range instances {
		host := strings.TrimSuffix(instance.Target, ".")
		price, err := p.get(ctx, fmt.Sprintf("http://%s:%d/prices/%s", host, instance.Port, item))
		if err == nil {
			return price, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

func (p *prices) get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, response.Status)
	}
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
