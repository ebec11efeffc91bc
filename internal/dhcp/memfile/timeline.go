package memfile

// timeline is a heap of records by the time their lease ends. place in the records says where each stands.
type timeline []uint32

func (q timeline) end(x *index, i int) int64 { return x.at(q[i]).end() }

func (q *timeline) push(x *index, n uint32) {
	*q = append(*q, n)
	x.at(n).place = uint32(len(*q) - 1)
	q.up(x, len(*q)-1)
}

func (q *timeline) remove(x *index, i int) {
	last := len(*q) - 1
	q.swap(x, i, last)
	*q = (*q)[:last]
	if i < last {
		q.down(x, i)
		q.up(x, i)
	}
}

func (q timeline) swap(x *index, i, j int) {
	q[i], q[j] = q[j], q[i]
	x.at(q[i]).place, x.at(q[j]).place = uint32(i), uint32(j)
}

func (q timeline) up(x *index, i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if q.end(x, i) >= q.end(x, parent) {
			return
		}
		q.swap(x, i, parent)
		i = parent
	}
}

func (q timeline) down(x *index, i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(q); c++ {
			if q.end(x, c) < q.end(x, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		q.swap(x, i, least)
		i = least
	}
}

// ended gives up to limit records that end no later than t, oldest first, without changing the heap: it walks the
// heap's tree with a small heap of its own, so the cost follows limit and not the number of leases.
func (q timeline) ended(x *index, t int64, limit int) []uint32 {
	var out []uint32
	var open []int // positions whose parents were taken, as a heap by end
	add := func(i int) {
		if i >= len(q) || q.end(x, i) > t {
			return
		}
		open = append(open, i)
		for c := len(open) - 1; c > 0 && q.end(x, open[c]) < q.end(x, open[(c-1)/2]); c = (c - 1) / 2 {
			open[c], open[(c-1)/2] = open[(c-1)/2], open[c]
		}
	}
	take := func() int {
		first, last := open[0], len(open)-1
		open[0] = open[last]
		open = open[:last]
		for i := 0; ; {
			least := i
			for c := 2*i + 1; c <= 2*i+2 && c < last; c++ {
				if q.end(x, open[c]) < q.end(x, open[least]) {
					least = c
				}
			}
			if least == i {
				return first
			}
			open[i], open[least] = open[least], open[i]
			i = least
		}
	}
	add(0)
	for len(open) > 0 && len(out) < limit {
		i := take()
		out = append(out, q[i])
		add(2*i + 1)
		add(2*i + 2)
	}
	return out
}
