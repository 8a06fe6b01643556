// A relay for tests: github.com/fiatjaf/khatru v0.19.0 with a store in memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/fiatjaf/eventstore/slicestore"
	"github.com/fiatjaf/khatru"
	"github.com/fiatjaf/khatru/policies"
	"github.com/nbd-wtf/go-nostr"
	"github.com/nbd-wtf/go-nostr/nip40"
)

func main() {
	port := flag.Int("port", 0, "0 = any free port")
	auth := flag.Bool("auth", false, "NIP-42 required for REQ and EVENT")
	strict := flag.Bool("strict", true, "refuse expired and far-future events, hide expired ones (khatru itself sweeps hourly)")
	max := flag.Int64("max", 131072, "max message bytes")
	version := flag.Bool("version", false, "tell the version of khatru and end")
	flag.Parse()
	if *version {
		fmt.Println("khatru v0.19.0")
		return
	}
	db := &slicestore.SliceStore{MaxLimit: 500}
	_ = db.Init()
	r := khatru.NewRelay()
	r.MaxMessageSize, r.Negentropy = *max, true
	r.Info.Name, r.Info.Limitation = "khatru-test", nil
	r.Info.SupportedNIPs = []any{1, 9, 11, 40, 42, 45, 70}
	r.StoreEvent = append(r.StoreEvent, db.SaveEvent)
	r.DeleteEvent = append(r.DeleteEvent, db.DeleteEvent)
	r.ReplaceEvent = append(r.ReplaceEvent, db.ReplaceEvent)
	r.CountEvents = append(r.CountEvents, db.CountEvents)
	expired := func(e *nostr.Event) bool { x := nip40.GetExpiration(e.Tags); return x != -1 && x <= nostr.Now() }
	r.QueryEvents = append(r.QueryEvents, func(ctx context.Context, f nostr.Filter) (chan *nostr.Event, error) {
		in, err := db.QueryEvents(ctx, f)
		if err != nil || !*strict {
			return in, err
		}
		out := make(chan *nostr.Event)
		go func() {
			defer close(out)
			for e := range in {
				if !expired(e) {
					out <- e
				}
			}
		}()
		return out, nil
	})
	if *strict {
		r.RejectEvent = append(r.RejectEvent, policies.PreventTimestampsInTheFuture(15*time.Minute),
			func(_ context.Context, e *nostr.Event) (bool, string) { return expired(e), "invalid: event expired" })
	}
	if *auth {
		r.OnConnect = append(r.OnConnect, khatru.RequestAuth)
		r.RejectEvent = append(r.RejectEvent, func(ctx context.Context, _ *nostr.Event) (bool, string) {
			return khatru.GetAuthed(ctx) == "", "auth-required: please authenticate"
		})
		r.RejectFilter = append(r.RejectFilter, func(ctx context.Context, _ nostr.Filter) (bool, string) {
			return khatru.GetAuthed(ctx) == "", "auth-required: please authenticate"
		})
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		panic(err)
	}
	fmt.Printf("READY ws://%s\n", l.Addr())
	panic(http.Serve(l, r))
}
