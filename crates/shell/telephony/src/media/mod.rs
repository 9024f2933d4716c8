//! The media half: the port pool, the RTP sockets and the 20 ms clock.
