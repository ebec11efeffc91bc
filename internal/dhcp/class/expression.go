package class

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"regexp"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"bundy/internal/dhcp/option"
)

// Packet is what expressions ask about a message.
type Packet interface {
	// Option gives the data of an option of the client's message.
	Option(code uint16) ([]byte, bool)

	// RelayOption gives the data of an option of a relay (DHCPv6): 0 is the one nearest to the server, -1 the one
	// nearest to the client.
	RelayOption(nest int, code uint16) ([]byte, bool)

	// Field gives a field of the packet by the name that it has in expressions: "pkt.iface", "pkt4.mac", ... ; of a
	// relay "relay6.peeraddr" and "relay6.linkaddr", counted as for RelayOption. Addresses are 4 or 16 octets, numbers 4
	// octets. Empty when there is none.
	Field(name string, nest int) string
}

// Limits of expressions: far above what people write, low enough that a packet cannot be made expensive. What a test
// costs grows with its length and with the packet's, and with nothing else: it has no loops, and patterns are matched
// in linear time.
const (
	maxText  = 4096 // octets of one expression
	maxNodes = 1024 // of its syntax tree
	maxValue = 4096 // octets of a value that is made on the way
)

// Expression is an expression in Kea's language, compiled. It is immutable.
type Expression struct {
	program *vm.Program
	members []string // classes that it names
}

// environment is what a compiled expression runs on.
type environment struct{ P *view }

// view is one packet with its classes.
type view struct {
	Packet
	family  option.Family
	classes Set
}

// Compile reads a test: an expression that is true or false.
func Compile(family option.Family, catalog *option.Catalog, text string) (*Expression, error) {
	return compile(family, catalog, text, reflect.Bool)
}

// CompileText reads an expression that makes octets of a packet.
func CompileText(family option.Family, catalog *option.Catalog, text string) (*Expression, error) {
	return compile(family, catalog, text, reflect.String)
}

func compile(family option.Family, catalog *option.Catalog, text string, kind reflect.Kind) (*Expression, error) {
	fail := func(err error) (*Expression, error) { return nil, fmt.Errorf("expression %q: %w", text, err) }
	if len(text) > maxText {
		return fail(fmt.Errorf("longer than %d octets", maxText))
	}
	t := translator{family: family, catalog: catalog, text: text}
	source, err := t.translate()
	if err != nil {
		return fail(err)
	}
	options := append(functions(),
		expr.Env(environment{}), expr.AsKind(kind), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes), expr.Patch(literals{}))
	program, err := expr.Compile(source, options...)
	if err != nil {
		return fail(err)
	}
	return &Expression{program, t.members}, nil
}

// literals puts the octets of literals in place of their hexadecimal form (the library's strings hold runes), and
// compiled patterns in place of their text.
type literals struct{}

// Visit implements ast.Visitor.
func (literals) Visit(node *ast.Node) {
	call, ok := (*node).(*ast.CallNode)
	if !ok || len(call.Arguments) == 0 {
		return
	}
	name, _ := call.Callee.(*ast.IdentifierNode)
	first, _ := call.Arguments[0].(*ast.StringNode)
	if name == nil || first == nil {
		return
	}
	switch name.Value {
	case "octets":
		if b, err := hex.DecodeString(first.Value); err == nil {
			ast.Patch(node, &ast.StringNode{Value: string(b)})
		}
	case "match":
		if pattern, err := regexp.Compile(whole(first.Value)); err == nil {
			ast.Patch(&call.Arguments[0], &ast.ConstantNode{Value: pattern})
		}
	}
}

// Evaluator evaluates expressions. It belongs to one goroutine.
type Evaluator struct {
	machine vm.VM
	view    view
	env     environment
}

// NewEvaluator makes one for messages of a family.
func NewEvaluator(family option.Family) *Evaluator {
	e := &Evaluator{view: view{family: family}}
	e.env.P = &e.view
	return e
}

// Test tells whether a test is true for a packet of these classes. One that fails on the packet is not true.
func (e *Evaluator) Test(x *Expression, p Packet, s Set) bool {
	value, _ := e.run(x, p, s).(bool)
	return value
}

// Text gives the octets that an expression makes of a packet; none when it fails.
func (e *Evaluator) Text(x *Expression, p Packet, s Set) string {
	value, _ := e.run(x, p, s).(string)
	return value
}

func (e *Evaluator) run(x *Expression, p Packet, s Set) any {
	e.view.Packet, e.view.classes = p, s
	value, err := e.machine.Run(x.program, e.env)
	e.view.Packet, e.view.classes = nil, nil
	if err != nil {
		return nil
	}
	return value
}
