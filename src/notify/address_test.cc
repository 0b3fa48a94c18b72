#include "notify/address.h"

#include <gtest/gtest.h>

namespace fettle::notify {
namespace {

TEST(WebhookAddress, OnlyGlobalUnicastIsPublic) {
  for (const auto* ip :
       {"8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "2606:4700:4700::1111",
        "2a00:1450::8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_TRUE(is_public(ip)) << ip;
  for (const auto* ip : {"0.0.0.0",
                         "10.1.2.3",
                         "100.64.0.1",
                         "127.0.0.1",
                         "127.255.0.1",
                         "169.254.169.254",
                         "172.16.0.1",
                         "172.31.255.255",
                         "192.0.0.192",
                         "192.0.2.7",
                         "192.168.1.1",
                         "198.18.0.1",
                         "198.51.100.1",
                         "203.0.113.9",
                         "224.0.0.1",
                         "240.0.0.1",
                         "255.255.255.255",
                         "168.63.129.16",
                         "::",
                         "::1",
                         "fe80::1",
                         "fe80::1%2",
                         "fc00::1",
                         "fd00:ec2::254",
                         "ff02::1",
                         "::ffff:127.0.0.1",
                         "::ffff:10.0.0.1",
                         "64:ff9b::a9fe:a9fe",
                         "2002:7f00:1::1",
                         "2001:db8::1",
                         "2001::1",
                         "3fff::1",
                         "",
                         "localhost",
                         "8.8.8",
                         "8.8.8.8.8"})
    EXPECT_FALSE(is_public(ip)) << ip;
}

TEST(WebhookAddress, UrlsWithinReach) {
  const auto url = parse_url("https://Hooks.example.com/a/b?c=d", {});
  ASSERT_TRUE(url);
  EXPECT_EQ(url->base, "https://Hooks.example.com:443");
  EXPECT_EQ(url->target, "/a/b?c=d");
  EXPECT_EQ(parse_url("https://8.8.8.8:8443", {})->target, "/");
  EXPECT_EQ(parse_url("https://example.com?x=1", {})->target, "/?x=1");
  EXPECT_EQ(parse_url("https://[2606:4700:4700::1111]/x", {})->base, "https://[2606:4700:4700::1111]:443");
  EXPECT_EQ(parse_url("http://127.0.0.1:99/x", {true, true})->base, "http://127.0.0.1:99");
}

TEST(WebhookAddress, EverythingElseIsRefused) {
  for (const auto* url : {"",
                          " ",
                          "example.com",
                          "ftp://example.com",
                          "http://example.com",
                          "file:///etc/passwd",
                          "https://",
                          "https:///path",
                          "https://user:pw@example.com",
                          "https://example.com/#x",
                          "https://example.com:0/",
                          "https://example.com:99999/",
                          "https://example.com:x/",
                          "https://exa mple.com/",
                          "https://example.com/\r\nHost: x",
                          "https://example.com\\@evil.com/",
                          "https://localhost/",
                          "https://LOCALHOST./",
                          "https://a.localhost/",
                          "https://127.0.0.1/",
                          "https://127.1/",
                          "https://0177.0.0.1/",
                          "https://2130706433/",
                          "https://0x7f.0.0.1/",
                          "https://[::1]/",
                          "https://[::ffff:10.0.0.1]/",
                          "https://[::1/",
                          "https://10.0.0.1:443/",
                          "https://169.254.169.254/latest"})
    EXPECT_EQ(parse_url(url, {}).error().code, Code::InvalidArgument) << url;
  EXPECT_NE(parse_url("http://x.org", {}).error().message.find("Invalid webhook URL scheme: 'http'"),
            std::string::npos);
  EXPECT_FALSE(parse_url("http://127.1/", {true, true}));  // still no address in its usual form
}

}  // namespace
}  // namespace fettle::notify
