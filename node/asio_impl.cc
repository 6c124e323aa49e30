// The bodies of Boost.Asio and of its TLS stream, compiled once; see asio.h.

#include "node/asio.h"

#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
