//! Protobuf expositions out of hand-written messages.
