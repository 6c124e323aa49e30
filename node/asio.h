#pragma once

// The one door to Boost.Asio. Its bodies are compiled once, in asio_impl.cc, which takes a third
// off every source that uses it; that holds only while all of them see the same switches, so
// whoever needs Asio includes this file first, in a .cc or in a header that only such .cc files
// include.

#define BOOST_ASIO_SEPARATE_COMPILATION
#define BOOST_ASIO_NO_DEPRECATED
#define BOOST_ASIO_NO_TS_EXECUTORS
#define BOOST_ASIO_DISABLE_BOOST_DATE_TIME
#ifdef __SANITIZE_THREAD__
// ThreadSanitizer does not know fences; the queue's mutex orders handlers without them.
#define BOOST_ASIO_DISABLE_FENCED_BLOCK
#endif

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

namespace quorate::node {

namespace asio = boost::asio;
using tcp = boost::asio::ip::tcp;
using AsioError = boost::system::error_code;

}  // namespace quorate::node
