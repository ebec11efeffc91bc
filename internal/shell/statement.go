package shell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bundy/internal/shell/value"
)

// dynamicPath are the words before the statements of dynamic DNS, as routers' operators write them.
const dynamicPath = "system services dhcp-local-server dynamic-dns"

// dynamicItem is where the statements stand in the configuration.
const dynamicItem = "DhcpDdns/dynamic_dns"

// form is how a statement's words become a value.
type form uint8

const (
	flagForm   form = iota // no words: true
	textForm               // one word
	numberForm             // one whole number
	wordsForm              // a list that is replaced as a whole
	listForm               // one word, added to a list
	serverForm             // ADDRESS [port N] [key NAME], added to a list
)

// statement is one line of the table that follows.
type statement struct {
	word, item string
	form       form
	choices    []string
	help       string
}

// statements maps the words behind dynamicPath onto the items of the section.
func statements() []statement {
	return []statement{
		{"enable", "enabled", flagForm, nil, "Name the leases of all subnets in DNS"},
		{"domain", "domain", textForm, nil, "Domain behind names that are not fully qualified"},
		{"forward-zone", "forward_zones", listForm, nil, "Zone for A and AAAA records; may be given more than once"},
		{"reverse-zone", "reverse_zones", listForm, nil, "Zone for PTR records; may be given more than once"},
		{"ttl", "ttl", numberForm, nil, "Time to live of the records in seconds; 0 by the lease"},
		{"hostname-source", "hostname_source", wordsForm, []string{"fqdn", "client-hostname", "client-id", "mac-fallback", "address"}, "Where names come from, first to last"},
		{"conflict-policy", "conflict_policy", textForm, []string{"check-with-dhcid", "replace-owned", "skip-existing", "strict-fail"}, "What to do about a name that is in DNS already"},
		{"update-server", "update_servers", serverForm, nil, "ADDRESS [port NUMBER] [key NAME]: server that takes updates; may be given more than once"},
		{"marker", "marker", flagForm, nil, "Put a TXT record beside each name"},
		{"generated-prefix", "generated_prefix", textForm, nil, "First part of generated names"},
		{"protected-name", "protected_names", listForm, nil, "Name that no client may have; may be given more than once"},
	}
}

// statement runs a line that is a statement of a router's shell. Done is false if it is none.
func (s *session) statement(ctx context.Context, text string) (done bool, err error) {
	words := strings.Fields(text)
	if len(words) < 2 {
		return false, nil
	}
	path, rest := strings.Fields(dynamicPath), words[1:]
	switch verb := words[0]; {
	case verb == "show" && rest[0] == "configuration":
		return true, s.showStatements(ctx, rest[1:])
	case verb == "show" && slices.Equal(rest, []string{"system", "services", "dhcp-server", "dynamic-dns"}):
		return true, s.showDynamic(ctx)
	case verb == "show" && slices.Equal(rest, []string{"dhcp-server", "detail"}):
		return true, s.showLeases(ctx)
	case (verb == "set" || verb == "delete") && rest[0] == "system":
		if len(rest) < len(path) || !slices.Equal(rest[:len(path)], path) {
			return true, fmt.Errorf("%s: unknown statement; known are those of %s", text, dynamicPath)
		}
		if err := s.refresh(ctx); err != nil {
			return true, err
		}
		if err := s.change(verb == "delete", rest[len(path):]); err != nil {
			return true, fmt.Errorf("%s %s: %w", verb, dynamicPath, err)
		}
		return true, nil
	}
	return false, nil
}

// change makes the local change of a statement, to be committed like all others.
func (s *session) change(remove bool, words []string) error {
	if len(words) == 0 && remove {
		return s.tree.Unset(dynamicItem)
	}
	if len(words) == 0 || words[0] == "help" || words[0] == "?" {
		for _, st := range statements() {
			fmt.Fprintln(s.out, entry(st.word, st.help))
		}
		return nil
	}
	for _, st := range statements() {
		if st.word != words[0] {
			continue
		}
		if remove {
			return s.remove(st, words[1:])
		}
		if err := s.give(st, words[1:]); err != nil {
			return fmt.Errorf("%s: %w", st.word, err)
		}
		return nil
	}
	return fmt.Errorf("unknown statement %q", words[0])
}

func (s *session) give(st statement, words []string) error {
	for i, w := range words {
		words[i] = value.Unquote(w)
	}
	words = slices.DeleteFunc(words, func(w string) bool { return st.form == wordsForm && (w == "[" || w == "]") })
	want := 1
	switch st.form {
	case flagForm:
		want = 0
	case wordsForm, serverForm:
		want = max(len(words), 1)
	}
	if len(words) < want {
		return errors.New("a value is missing")
	}
	if len(words) > want {
		return fmt.Errorf("%q is one word too many", words[want])
	}
	for _, w := range words {
		if st.choices != nil && !slices.Contains(st.choices, w) {
			return fmt.Errorf("%q is none of %s", w, strings.Join(st.choices, ", "))
		}
	}
	identifier := dynamicItem + "/" + st.item
	switch st.form {
	case flagForm:
		return s.tree.Set(identifier, true)
	case textForm:
		return s.tree.Set(identifier, words[0])
	case numberForm:
		n, err := strconv.ParseUint(words[0], 10, 31)
		if err != nil {
			return fmt.Errorf("%q is no whole number", words[0])
		}
		return s.tree.Set(identifier, int64(n))
	case wordsForm:
		list := make([]any, len(words))
		for i, w := range words {
			list[i] = w
		}
		return s.tree.Set(identifier, list)
	}
	var element any = words[0]
	if st.form == serverForm {
		var err error
		if element, err = server(words); err != nil {
			return err
		}
	}
	list, err := s.dynamicList(st.item)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(v any) bool { return sameElement(v, element) })
	return s.tree.Set(identifier, append(list, element))
}

// server reads ADDRESS [port N] [key NAME].
func server(words []string) (any, error) {
	out := map[string]any{"ip_address": words[0]}
	for rest := words[1:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 {
			return nil, fmt.Errorf("%s: a value is missing", rest[0])
		}
		switch rest[0] {
		case "port":
			n, err := strconv.ParseUint(rest[1], 10, 16)
			if err != nil || n == 0 {
				return nil, fmt.Errorf("port: %q is no port", rest[1])
			}
			out["port"] = int64(n)
		case "key":
			out["key_name"] = rest[1]
		default:
			return nil, fmt.Errorf("%q is neither port nor key", rest[0])
		}
	}
	return out, nil
}

// sameElement tells whether two elements of a list are the same thing: of servers the address says it.
func sameElement(a, b any) bool {
	x, ok1 := a.(map[string]any)
	y, ok2 := b.(map[string]any)
	if ok1 && ok2 {
		return x["ip_address"] == y["ip_address"]
	}
	return a == b
}

func (s *session) remove(st statement, words []string) error {
	identifier := dynamicItem + "/" + st.item
	if len(words) == 0 || st.form != listForm && st.form != serverForm {
		return s.tree.Unset(identifier)
	}
	var element any = value.Unquote(words[0])
	if st.form == serverForm {
		element = map[string]any{"ip_address": value.Unquote(words[0])}
	}
	list, err := s.dynamicList(st.item)
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(list), func(v any) bool { return sameElement(v, element) })
	if len(left) == len(list) {
		return fmt.Errorf("%s: %q is not there", st.word, words[0])
	}
	return s.tree.Set(identifier, left)
}

// dynamicSection gives the section with the local changes.
func (s *session) dynamicSection() (map[string]any, error) {
	text, err := s.tree.ShowJSON(dynamicItem)
	if err != nil {
		return nil, err
	}
	v, err := value.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	section, _ := v.(map[string]any)
	return section, nil
}

func (s *session) dynamicList(item string) ([]any, error) {
	section, err := s.dynamicSection()
	if err != nil {
		return nil, err
	}
	list, _ := section[item].([]any)
	return slices.Clone(list), nil
}

// showStatements prints the statements of the configuration with the local changes, in the form that set takes.
func (s *session) showStatements(ctx context.Context, path []string) error {
	if known := strings.Fields(dynamicPath); len(path) > len(known) || !slices.Equal(path, known[:len(path)]) {
		return fmt.Errorf("show configuration %s: unknown; known is %s", strings.Join(path, " "), dynamicPath)
	}
	if err := s.refresh(ctx); err != nil {
		return err
	}
	section, err := s.dynamicSection()
	if err != nil {
		return err
	}
	for _, st := range statements() {
		v, given := section[st.item]
		if !given {
			continue
		}
		for _, words := range written(st, v) {
			fmt.Fprintln(s.out, strings.Map(printable, strings.TrimSpace("set "+dynamicPath+" "+st.word+" "+words)))
		}
	}
	return nil
}

// written gives the words of the statements that make a value.
func written(st statement, v any) []string {
	list, _ := v.([]any)
	var out []string
	switch st.form {
	case flagForm:
		if v == true {
			return []string{""}
		}
		return nil
	case wordsForm:
		for _, w := range list {
			out = append(out, fmt.Sprint(w))
		}
		return []string{strings.Join(out, " ")}
	case listForm:
		for _, w := range list {
			out = append(out, fmt.Sprint(w))
		}
		return out
	case serverForm:
		for _, e := range list {
			m, _ := e.(map[string]any)
			words := fmt.Sprint(m["ip_address"])
			if p, ok := m["port"]; ok {
				words += fmt.Sprint(" port ", p)
			}
			if k, _ := m["key_name"].(string); k != "" {
				words += " key " + k
			}
			out = append(out, words)
		}
		return out
	}
	return []string{fmt.Sprint(v)}
}

// ask sends a command of the DHCP-DDNS server and reads its answer.
func (s *session) ask(ctx context.Context, command string, args map[string]any, into any) error {
	if err := s.refresh(ctx); err != nil {
		return err
	}
	reply, err := s.client.Post(ctx, "/DhcpDdns/"+command, args)
	if err != nil {
		return err
	}
	if !reply.OK() {
		return errors.New(reason(reply))
	}
	if err := json.Unmarshal(reply.Body, into); err != nil {
		return fmt.Errorf("DhcpDdns %s: %w", command, err)
	}
	return nil
}

// showDynamic prints what is in force, done and waiting.
func (s *session) showDynamic(ctx context.Context) error {
	var answer map[string]any
	if err := s.ask(ctx, "status", map[string]any{}, &answer); err != nil {
		return err
	}
	for _, item := range slices.Sorted(maps.Keys(answer)) {
		text, err := json.Marshal(answer[item])
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%-20s %s\n", strings.ReplaceAll(item, "_", "-"), strings.Trim(string(text), `"`))
	}
	return nil
}

// shownLeases is how many leases show dhcp-server detail prints at most.
const shownLeases = 10_000

// showLeases prints each lease with its name, how far that is, and what was last tried.
func (s *session) showLeases(ctx context.Context) error {
	var answer struct {
		Total  int `json:"total"`
		Leases []struct {
			Address   string   `json:"address"`
			Client    string   `json:"client"`
			Name      string   `json:"name"`
			State     string   `json:"state"`
			Source    string   `json:"source"`
			Refused   []string `json:"refused"`
			Subnet    string   `json:"subnet"`
			Pool      string   `json:"pool"`
			Group     string   `json:"group"`
			Interface string   `json:"interface"`
			Expires   string   `json:"expires"`
		} `json:"leases"`
	}
	if err := s.ask(ctx, "leases", map[string]any{"limit": shownLeases}, &answer); err != nil {
		return err
	}
	for _, l := range answer.Leases {
		fmt.Fprintln(s.out, strings.Map(printable, fmt.Sprintf("%s  client %s  expires %s", l.Address, l.Client, l.Expires)))
		for _, line := range [][2]string{
			{"Name", l.Name}, {"State", l.State}, {"Source", l.Source}, {"Refused", strings.Join(l.Refused, "; ")},
			{"Subnet", l.Subnet}, {"Pool", l.Pool}, {"Group", l.Group}, {"Interface", l.Interface},
		} {
			if line[1] != "" {
				fmt.Fprintf(s.out, "    %-10s %s\n", line[0]+":", strings.Map(printable, line[1]))
			}
		}
	}
	fmt.Fprintf(s.out, "%d of %d leases shown\n", len(answer.Leases), answer.Total)
	return nil
}

// statementWords lists the words that may follow in a statement; none if the line is no statement.
func statementWords(before []string) []string {
	if len(before) == 0 {
		return []string{"set ", "delete ", "show ", "commit"}
	}
	var paths [][]string
	switch before[0] {
	case "show":
		paths = [][]string{strings.Fields("system services dhcp-server dynamic-dns"), {"dhcp-server", "detail"}, strings.Fields("configuration " + dynamicPath)}
	case "set", "delete":
		for _, st := range statements() {
			path := append(strings.Fields(dynamicPath), st.word)
			paths = append(paths, path)
			for _, c := range st.choices {
				paths = append(paths, append(slices.Clone(path), c))
			}
		}
	}
	var out []string
	for _, p := range paths {
		if at := len(before) - 1; at < len(p) && slices.Equal(p[:at], before[1:]) && !slices.Contains(out, p[at]+" ") {
			out = append(out, p[at]+" ")
		}
	}
	return out
}
