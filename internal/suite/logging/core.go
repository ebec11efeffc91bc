package logging

import "context"

func (c *core) write(l *Logger, m *Message, args []any) {
	rec := record{time: c.now(), process: l.process, library: l.library, message: m, text: fill(m.text, args)}
	if c.tap != nil {
		c.tap(rec)
		return
	}
	t := c.table.Load()
	if t == nil {
		if t = c.hold(rec); t == nil {
			return
		}
	}
	c.send(t, l.resolve(t), &rec)
}

// hold keeps a record until the first table is there; if it has come meanwhile, it returns it.
func (c *core) hold(rec record) *table {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.table.Load(); t != nil {
		return t
	}
	if len(c.held) == maxHeld {
		c.lost++
		return nil
	}
	c.held = append(c.held, rec)
	return nil
}

// use puts a table in force and sends what was kept before the first one. Records that come meanwhile may overtake
// those: the time of each line tells.
func (c *core) use(t *table) {
	c.mu.Lock()
	c.table.Store(t)
	held, lost := c.held, c.lost
	c.held, c.lost = nil, 0
	c.mu.Unlock()
	for i := range held {
		c.send(t, t.route(held[i].process, held[i].library), &held[i])
	}
	if lost > 0 {
		last := held[len(held)-1]
		rec := record{
			time: last.time, process: last.process, library: "log",
			message: msgBufferOverflow, text: fill(msgBufferOverflow.text, []any{lost}),
		}
		c.send(t, t.route(rec.process, rec.library), &rec)
	}
}

func (c *core) send(t *table, r *route, rec *record) {
	if !r.passes(rec.message) {
		return
	}
	var line []byte
	for _, o := range r.outputs {
		if o.facility >= 0 {
			o.add(rec.appendSyslog(nil, o.facility, c.pid))
			continue
		}
		if line == nil {
			line = rec.appendLine(make([]byte, 0, 256), c.pid)
		}
		o.add(line)
	}
	if rec.message.severity != Fatal {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), fatalWait)
	defer cancel()
	for _, o := range r.outputs {
		if o.drain(ctx) != nil {
			return // it had its time; the process must be able to end
		}
	}
}
