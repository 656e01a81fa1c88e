package doctor

import (
	"fmt"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/cmd/registrar/internal/inspect"
	"github.com/rosterdns/roster/internal/services"
)

// Registry judges the keys of a registry, which are below a prefix without a '/' at its
// end.
func Registry(r *inspect.Registry, prefix string) []Finding {
	g := r.Generation
	findings := []Finding{ok("the registry has %s with %s", count(g.Services(), "service"), count(g.Instances(), "instance"))}
	if g.Services() == 0 && len(r.Skipped) == 0 {
		findings[0] = warn("check --prefix and -n, or register an instance", "there is no service below %q", prefix)
	}
	findings = append(findings, named(r.Skipped, "keys that readers skip", func(k services.Skipped) Finding {
		return warn(remedy(&k, prefix), "key %q is skipped: %v", prefix+"/"+k.Key, k.Err)
	})...)
	var left []inspect.Override
	for _, o := range r.Overrides {
		if o.LeftOver() {
			left = append(left, o)
		}
	}
	return append(findings, named(left, "left-over overrides", func(o inspect.Override) Finding {
		return warn("registrar undrain "+o.Name(), "override %s is left over: instance %s is not there, and will be %s when it comes%s", o.Status, o.Name(), o.Status, reasonOf(&o))
	})...)
}

func reasonOf(o *inspect.Override) string {
	if text := o.Explain(); text != "" {
		return ": " + text
	}
	return ""
}

// remedy returns what to do about a key that is skipped.
func remedy(k *services.Skipped, prefix string) string {
	key, err := catalog.ParseKey(k.Key)
	if err != nil {
		return fmt.Sprintf("delete it: etcdctl del %s", shellQuote(prefix+"/"+k.Key))
	}
	instance := key.Namespace + "/" + key.Service + "/" + key.ID
	switch k.Reason {
	case services.SkipLease:
		return "register it with --static, or remove it: registrar unregister " + instance
	case services.SkipOverride:
		return "write it anew or remove it: registrar drain " + instance + ", or registrar undrain " + instance
	case services.SkipPolicy:
		return "remove it: registrar policy delete " + key.Namespace + "/" + key.Service
	case services.SkipKey, services.SkipValue: // of an instance, here
	}
	return "register it anew, or remove it: registrar unregister " + instance
}

// count returns a number of things, of which one has that name.
func count(n int, name string) string {
	if n != 1 {
		name += "s"
	}
	return fmt.Sprintf("%d %s", n, name)
}

// shellQuote quotes a text for a shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
