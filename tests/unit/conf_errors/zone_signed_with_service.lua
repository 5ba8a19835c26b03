require "base"
zone "signed.test" { file = "signed.test.zone" }
service "www.signed.test" { check = "web" }
--> signed.test.zone:4: zone "signed.test" is signed and has service "www.signed.test" (zone_signed_with_service.lua:3); expected an unsigned zone: live answers cannot be signed yet
