package outage

import (
	"net"
	"sync"
	"testing"
	"time"
)

// A Proxy stands between a client and its server, and can do what happens to
// servers: it dies and comes back, stands still, answers slowly.
type Proxy struct {
	target   string
	listener net.Listener

	mu     sync.Mutex
	dead   bool
	gate   chan struct{} // closed: traffic flows
	delay  time.Duration
	inUse  map[net.Conn]bool
	closed bool
}

// NewProxy returns a proxy in front of the server at target, until the test ends.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, listener: listener, gate: make(chan struct{}), inUse: map[net.Conn]bool{}}
	close(p.gate)
	go p.accept()
	t.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		_ = listener.Close()
		p.Flow()
		p.Cut()
	})
	return p
}

// Address is where clients reach the server through the proxy.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refused := p.dead || p.closed
		p.mu.Unlock()
		if refused {
			_ = client.Close()
			continue
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.inUse[client], p.inUse[server] = true, true
		p.mu.Unlock()
		go p.copy(server, client)
		go p.copy(client, server)
	}
}

func (p *Proxy) copy(to, from net.Conn) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
		p.mu.Lock()
		delete(p.inUse, to)
		delete(p.inUse, from)
		p.mu.Unlock()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			p.mu.Lock()
			gate, delay := p.gate, p.delay
			p.mu.Unlock()
			<-gate
			time.Sleep(delay)
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// Cut ends all connections; what is on its way is lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.inUse {
		_ = c.Close()
	}
}

// Die refuses connections and ends those that are open, until Flow.
func (p *Proxy) Die() {
	p.mu.Lock()
	p.dead = true
	p.mu.Unlock()
	p.Cut()
}

// Stop holds all traffic back, until Flow.
func (p *Proxy) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gate = make(chan struct{})
}

// Slow lets everything take longer, until Flow.
func (p *Proxy) Slow(by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = by
}

// Flow ends all faults.
func (p *Proxy) Flow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead, p.delay = false, 0
	select {
	case <-p.gate:
	default:
		close(p.gate)
	}
}
