package logging

// Severity orders messages. The zero value is Debug.
type Severity int8

const (
	Debug Severity = iota
	Info
	Warn
	Error
	Fatal
	None // as a threshold only: nothing passes
)

// String gives the name used in the configuration and in the log.
func (s Severity) String() string {
	switch s {
	case Debug:
		return "DEBUG"
	case Info:
		return "INFO"
	case Warn:
		return "WARN"
	case Error:
		return "ERROR"
	case Fatal:
		return "FATAL"
	}
	return "NONE"
}

// Message is one entry of the catalogue. It is immutable.
type Message struct {
	id       string
	severity Severity
	level    int
	text     string
	help     string
}

// NewMessage declares a message. The identifier is upper case with underscores and unique in the suite; text may
// hold placeholders as {address}, filled in order by the arguments of Log; help is the operator's paragraph: what
// happened, what it means, what to do.
func NewMessage(id string, severity Severity, text, help string) *Message {
	return &Message{id: id, severity: severity, text: oneLine(text), help: help}
}

// NewDebug declares a debug message of a level from 0 to 99 (0 start and stop, 10 commands, 20 command data, 40 to 55
// traces of growing detail).
func NewDebug(id string, level int, text, help string) *Message {
	return &Message{id: id, severity: Debug, level: level, text: oneLine(text), help: help}
}

// oneLine escapes text as values are: destinations rely on a message being one line.
func oneLine(text string) string { return string(appendEscaped(nil, text)) }

// ID, Severity, Level, Text and Help return what the message was declared with; Level is 0 unless it is a debug message.
func (m *Message) ID() string         { return m.id }
func (m *Message) Severity() Severity { return m.severity }
func (m *Message) Level() int         { return m.level }
func (m *Message) Text() string       { return m.text }
func (m *Message) Help() string       { return m.help }
