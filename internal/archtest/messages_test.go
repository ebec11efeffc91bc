package archtest

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// declared is one message of the catalogue.
type declared struct {
	source *source
	name   string // of the variable
	id     string
	text   string
	help   string
	node   ast.Node
}

// declarations finds all messages of the module.
func declarations(t *testing.T) []declared {
	t.Helper()
	const logging = module + "/internal/suite/logging"
	var out []declared
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		prefix := s.importName(logging) + "."
		if s.dir == "internal/suite/logging" {
			prefix = ""
		} else if prefix == "." {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for i, value := range v.Values {
					call, ok := value.(*ast.CallExpr)
					if !ok || len(call.Args) != 4 {
						continue
					}
					if f := expression(call.Fun); f != prefix+"NewMessage" && f != prefix+"NewDebug" {
						continue
					}
					out = append(out, declared{
						source: s, name: v.Names[i].Name, node: call,
						id: literal(call.Args[0]), text: literal(call.Args[2]), help: literal(call.Args[3]),
					})
				}
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("no messages found")
	}
	return out
}

func expression(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return expression(e.X) + "." + e.Sel.Name
	}
	return ""
}

// literal reads a string literal, or several that are added.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		if err != nil {
			return ""
		}
		return s
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	case *ast.ParenExpr:
		return literal(e.X)
	}
	return ""
}

func TestMessages(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$`)
	seen := map[string]string{}
	for _, m := range declarations(t) {
		at := m.source.at(m.node)
		if !form.MatchString(m.id) {
			t.Errorf("%s: %q is not an identifier of a message", at, m.id)
		}
		if other, twice := seen[m.id]; twice {
			t.Errorf("%s: %s is also declared at %s", at, m.id, other)
		}
		seen[m.id] = at
		if m.text == "" || strings.Contains(m.text, "%") {
			t.Errorf("%s: %s: the text %q is empty, or has the form of fmt", at, m.id, m.text)
		}
		if len(strings.Fields(m.help)) < 4 {
			t.Errorf("%s: %s has no paragraph for the operator", at, m.id)
		}
	}
}

// TestCatalogue: what is declared is listed by the package's Messages.
func TestCatalogue(t *testing.T) {
	listed := map[string]map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || s.test || f.Recv != nil || f.Name.Name != "Messages" {
				continue
			}
			names := map[string]bool{}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					names[id.Name] = true
				}
				return true
			})
			listed[s.dir] = names
		}
	}
	for _, m := range declarations(t) {
		if !listed[m.source.dir][m.name] {
			t.Errorf("%s: Messages of %s does not list %s", m.source.at(m.node), m.source.dir, m.name)
		}
	}
}

// TestPlaceholders: each call of Log gives as many values as the text of its message has placeholders.
func TestPlaceholders(t *testing.T) {
	placeholder := regexp.MustCompile(`\{[^}]*\}`)
	wanted := map[string]int{} // by directory and variable
	for _, m := range declarations(t) {
		wanted[m.source.dir+" "+m.name] = len(placeholder.FindAllString(m.text, -1))
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 || call.Ellipsis.IsValid() {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Log" {
				return true
			}
			want, ok := wanted[s.dir+" "+expression(call.Args[0])]
			if ok && want != len(call.Args)-1 {
				t.Errorf("%s: %s has %d placeholders and gets %d values", s.at(call), expression(call.Args[0]), want, len(call.Args)-1)
			}
			return true
		})
	}
}
