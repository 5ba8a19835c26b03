require "base"
zones "nowhere"
--> zones_missing.lua:2: cannot read the folder nowhere: No such file or directory; expected a folder of zone files
