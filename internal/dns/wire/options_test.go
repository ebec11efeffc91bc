package wire

import (
	"bytes"
	"testing"
)

// withOPT is a question for the root's SOA, or no question, with an OPT record of that RDATA.
func withOPT(questions int, options []byte) []byte {
	var b Builder
	b.Reset(nil, MaxMessage)
	if questions > 0 {
		b.AddQuestion(Question{Root, TypeSOA, ClassIN})
	}
	b.AddOPT(EDNS{Size: 1232}, options)
	return b.Bytes()
}

func TestOptions(t *testing.T) {
	client := []byte("12345678")
	whole := append(client[:8:8], bytes.Repeat([]byte{7}, 16)...)
	for _, c := range []struct {
		name    string
		options []byte
		want    Rcode
		cookie  []byte
		nsid    bool
		keep    bool
	}{
		{name: "none"},
		{name: "unknown ones", options: AppendOption(AppendOption(nil, 65001, []byte("x")), 8, make([]byte, 11))},
		{name: "nsid", options: AppendOption(nil, OptionNSID, nil), nsid: true},
		{name: "keepalive", options: AppendOption(nil, OptionKeepalive, nil), keep: true},
		{name: "client cookie", options: AppendOption(nil, OptionCookie, client), cookie: client},
		{name: "whole cookie, and another", options: AppendOption(AppendOption(nil, OptionCookie, whole), OptionCookie, client), cookie: whole},
		{name: "cookie too short", options: AppendOption(nil, OptionCookie, client[:7]), want: RcodeFormErr},
		{name: "cookie between", options: AppendOption(nil, OptionCookie, whole[:15]), want: RcodeFormErr},
		{name: "cookie too long", options: AppendOption(nil, OptionCookie, make([]byte, 41)), want: RcodeFormErr},
		{name: "half an option", options: []byte{0, 3, 0}, want: RcodeFormErr},
		{name: "longer than the record", options: []byte{0, 3, 0, 1}, want: RcodeFormErr},
	} {
		var q Query
		got := q.Parse(withOPT(1, c.options))
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if o := q.Options; got == RcodeNoError && (!bytes.Equal(o.Cookie, c.cookie) || o.NSID != c.nsid || o.Keepalive != c.keep) {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
}

func TestCookieWithoutQuestion(t *testing.T) {
	var q Query
	msg := withOPT(0, AppendOption(nil, OptionCookie, []byte("12345678")))
	if got := q.Parse(msg); got != RcodeFormErr || string(q.Options.Cookie) != "12345678" || q.Name != "" {
		t.Errorf("%v, %+v", got, q)
	}
}
