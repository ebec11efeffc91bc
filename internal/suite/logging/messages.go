package logging

var (
	msgDestinationFailed = NewMessage("LOG_DESTINATION_FAILED", Error, "cannot write to {destination}: {why}",
		"Messages for this destination wait, up to a fixed amount, and writing is tried again every second. Other "+
			"destinations are not concerned. Look at the disk and at the permissions of the file and its directory, "+
			"or change Logging/loggers.")
	msgDestinationRestored = NewMessage("LOG_DESTINATION_RESTORED", Info, "writing to {destination} again",
		"A destination that had failed takes messages again. What had waited has been written.")
	msgMessagesLost = NewMessage("LOG_MESSAGES_LOST", Warn, "{count} messages for {destination} were lost",
		"The destination was slower than the messages came, or it had failed for too long, and no more could be kept. "+
			"Log less, for example with a lower debug level, or to a faster destination.")
	msgBufferOverflow = NewMessage("LOG_BUFFER_OVERFLOW", Warn, "{count} messages from before the configuration was known were lost",
		"A process keeps its messages until it knows from the configuration where to write them. It wrote more than "+
			"it keeps. This happens with debug messages when the start takes long.")
)

// Messages lists the package's part of the message catalogue.
func Messages() []*Message {
	return []*Message{msgDestinationFailed, msgDestinationRestored, msgMessagesLost, msgBufferOverflow}
}
